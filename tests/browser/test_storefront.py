"""The storefront as shoppers use it, in a real browser against the stack that is up."""

import re
import time
import urllib.request

import pytest
from playwright.sync_api import Page, Route, expect

from shopper import (
    ADDRESS,
    CHECKOUT,
    ORDER_TIMEOUT_MS,
    answer_with,
    checkouts_of,
    expect_confirmed,
    fill_address,
    is_checkout,
    keys_of,
    open_checkout,
    pay,
    sign_in,
)

LISTED_WITHIN_S = 10
# The list lags behind the orders: by this time everything placed before is in it.
SETTLED_AFTER_S = 3


def settled_orders(orders) -> set[str]:
    """The orders there are, those of a test just before this one included."""
    time.sleep(SETTLED_AFTER_S)
    return orders.ids()


def new_orders(orders, before: set[str]) -> set[str]:
    """The orders that have come since, once the list has caught up."""
    deadline = time.monotonic() + LISTED_WITHIN_S
    while not orders.ids() - before and time.monotonic() < deadline:
        time.sleep(0.5)
    return settled_orders(orders) - before


def test_a_shopper_buys_a_kettle_and_opens_the_receipt(page, stack, step):
    page.goto("/")
    expect(page.get_by_test_id("products").get_by_role("listitem")).not_to_have_count(0)
    step(page, "1-shop")
    page.get_by_role("link", name="Steel Kettle").click()
    expect(page.get_by_test_id("stock")).to_have_text("In stock")
    step(page, "2-product")
    page.get_by_label("Quantity").fill("2")
    page.get_by_test_id("buy").click()

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    step(page, "3-sign-in")
    page.get_by_label("E-mail").fill(stack.users["kareem"]["username"])
    page.get_by_label("Password").fill(stack.users["kareem"]["password"])
    page.get_by_test_id("sign-in").click()

    expect(page.get_by_test_id("total")).to_have_text("$91.98")
    fill_address(page)
    step(page, "4-checkout")
    pay(page)

    order_id = expect_confirmed(page)
    for event in ("OrderPlaced", "InventoryReserved", "PaymentAuthorized", "OrderConfirmed"):
        expect(page.get_by_test_id("timeline").locator(f'[data-event="{event}"]')).to_be_visible()
    step(page, "5-order")

    url = open_receipt(page)
    with urllib.request.urlopen(url, timeout=30) as receipt:
        assert receipt.status == 200
        assert receipt.read()
    page.get_by_test_id("nav-orders").click()
    expect(page.locator(f'[data-order-id="{order_id}"]')).to_be_visible()
    step(page, "6-orders")


def open_receipt(page: Page) -> str:
    """Opens the receipt in its own tab, however long (up to 20 s) it takes to be written; answers its address."""
    links = []

    def note_link(response):
        if response.url.endswith("/receipt") and response.status == 200:
            links.append(response.json()["url"])

    page.on("response", note_link)
    deadline = time.monotonic() + 20
    while not links and time.monotonic() < deadline:
        with page.expect_popup():
            page.get_by_test_id("receipt").click()
        expect(page.get_by_test_id("receipt")).to_be_enabled(timeout=20_000)
    assert links, "the receipt was not ready within 20 s"
    return links[0]


def test_the_shop_works_by_keyboard_only(page, stack):
    page.goto("/")
    expect(page.get_by_test_id("products")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("link", name="Steel Kettle"))
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("product-name")).to_be_focused()
    tab_to(page, page.get_by_test_id("buy"))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_label("E-mail"))
    page.keyboard.type(stack.users["kareem"]["username"])
    page.keyboard.press("Tab")
    page.keyboard.type(stack.users["kareem"]["password"])
    page.keyboard.press("Enter")

    expect(page.get_by_test_id("checkout-form")).to_be_visible()
    for name, value in ADDRESS.items():
        tab_to(page, page.get_by_test_id(f"field-{name}"))
        page.keyboard.type(value)
    tab_to(page, page.get_by_test_id("field-country"))
    page.keyboard.type("Egypt")
    tab_to(page, page.get_by_test_id("pay"))
    page.keyboard.press("Enter")
    expect_confirmed(page)
    expect(page.get_by_test_id("order-heading")).to_be_focused()


def tab_to(page: Page, target, at_most: int = 60):
    """Presses Tab until the target has the focus, which must be visible to the eye."""
    expect(target).to_be_visible()
    for _ in range(at_most):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"{target} cannot be reached with the Tab key")


@pytest.mark.parametrize(
    ("card", "words"),
    [
        ("pm_card_visa_chargeDeclined", "did not approve"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "not enough money"),
        ("pm_card_visa_chargeDeclinedLostCard", "did not approve"),
        ("pm_card_chargeDeclinedExpiredCard", "has expired"),
    ],
)
def test_a_declined_card_is_told_in_a_shoppers_words_and_confirms_nothing(page, stack, step, kareems_orders, card, words):
    before = settled_orders(kareems_orders)
    sign_in(page, stack.users["kareem"])
    open_checkout(page)
    fill_address(page)
    page.get_by_test_id(f"card-{card}").check()
    pay(page)
    expect(page.get_by_test_id("notice")).to_contain_text(words, timeout=ORDER_TIMEOUT_MS)
    expect(page.get_by_test_id("notice")).to_contain_text("Nothing was charged")
    expect(page.get_by_test_id("field-city")).to_have_value("Cairo")
    step(page, "declined")
    declined = new_orders(kareems_orders, before)
    assert [kareems_orders.status(order_id) for order_id in declined] == ["rejected"]


def test_another_card_after_a_decline_is_another_purchase(page, stack):
    sign_in(page, stack.users["kareem"])
    open_checkout(page)
    fill_address(page)
    sent = checkouts_of(page)
    page.get_by_test_id("card-pm_card_visa_chargeDeclined").check()
    pay(page)
    expect(page.get_by_test_id("notice")).to_be_visible(timeout=ORDER_TIMEOUT_MS)
    page.get_by_test_id("card-pm_card_visa").check()
    pay(page)
    expect_confirmed(page)
    assert len(set(keys_of(sent))) == 2


def test_a_sold_out_vase_cannot_be_bought(page, stack, step):
    page.goto("/")
    expect(page.get_by_test_id("product-sold-out-vase")).to_contain_text("Sold out")
    page.goto("/#/products/sold-out-vase")
    expect(page.get_by_test_id("stock")).to_have_text("Sold out")
    expect(page.get_by_test_id("buy")).to_be_disabled()
    step(page, "product")
    sign_in(page, stack.users["kareem"])
    page.goto("/#/checkout/sold-out-vase?quantity=1")
    expect(page.get_by_role("heading", name="Sold out")).to_be_visible()
    expect(page.get_by_test_id("pay")).to_have_count(0)


def test_who_asks_for_more_than_there_is_hears_how_many_are_left(page, stack, step):
    sign_in(page, stack.users["kareem"])
    open_checkout(page, "limited-lamp", quantity=99)
    fill_address(page)
    pay(page)
    expect(page.get_by_test_id("notice")).to_contain_text(re.compile(r"You asked for 99, and only \d+ (is|are) left"), timeout=ORDER_TIMEOUT_MS)
    step(page, "out-of-stock")


def test_a_double_click_makes_one_order(page, stack, kareems_orders):
    before = settled_orders(kareems_orders)
    sign_in(page, stack.users["kareem"])
    open_checkout(page)
    fill_address(page)
    sent = checkouts_of(page)
    page.get_by_test_id("pay").dblclick()
    order_id = expect_confirmed(page)
    assert len(set(keys_of(sent))) == 1
    assert new_orders(kareems_orders, before) == {order_id}


def test_a_lost_response_is_asked_for_again_with_the_same_key_and_makes_one_order(page, stack, step, kareems_orders):
    before = settled_orders(kareems_orders)
    sign_in(page, stack.users["kareem"])
    open_checkout(page)
    fill_address(page)
    sent = checkouts_of(page)

    def lose_the_answer(route: Route):
        route.fetch()
        route.abort("connectionreset")

    page.route(CHECKOUT, lose_the_answer, times=1)
    pay(page)
    expect(page.get_by_test_id("finishing")).to_have_text("Still finishing your order…", timeout=ORDER_TIMEOUT_MS)
    step(page, "still-finishing")
    order_id = expect_confirmed(page)
    assert len(sent) >= 2
    assert len(set(keys_of(sent))) == 1
    assert len({request.post_data for request in sent}) == 1
    assert new_orders(kareems_orders, before) == {order_id}


def test_a_reload_while_the_answer_is_out_goes_on_with_the_same_key(page, stack, kareems_orders):
    before = settled_orders(kareems_orders)
    sign_in(page, stack.users["kareem"])
    open_checkout(page)
    fill_address(page)
    sent = checkouts_of(page)

    def reach_the_shop_but_never_answer(route: Route):
        route.fetch()

    page.route(CHECKOUT, reach_the_shop_but_never_answer, times=1)
    with page.expect_request(is_checkout):
        pay(page)
    page.reload()
    order_id = expect_confirmed(page)
    assert len(set(keys_of(sent))) == 1
    assert new_orders(kareems_orders, before) == {order_id}


def test_who_walks_away_from_an_unanswered_order_is_reminded_of_it(page, stack):
    sign_in(page, stack.users["kareem"])
    open_checkout(page)
    fill_address(page)
    sent = checkouts_of(page)
    page.route(CHECKOUT, lambda route: route.abort("connectionreset"))
    pay(page)
    expect(page.get_by_test_id("finishing")).to_have_text("Still finishing your order…")
    page.goto("/#/")
    expect(page.get_by_test_id("unfinished-order")).to_be_visible()
    page.unroute(CHECKOUT)
    page.get_by_role("link", name="Finish it").click()
    expect_confirmed(page)
    assert len(set(keys_of(sent))) == 1


def test_a_busy_shop_is_asked_again_after_the_time_it_named(page, stack):
    sign_in(page, stack.users["kareem"])
    open_checkout(page)
    fill_address(page)
    sent_at = []
    page.on("request", lambda request: sent_at.append(time.monotonic()) if is_checkout(request) else None)
    page.route(CHECKOUT, answer_with(503, "overloaded", {"Retry-After": "3"}), times=1)
    pay(page)
    expect_confirmed(page)
    assert sent_at[1] - sent_at[0] >= 3


def test_who_is_signed_out_meanwhile_signs_in_and_goes_on_with_the_same_purchase(page, stack):
    sign_in(page, stack.users["kareem"])
    open_checkout(page)
    fill_address(page)
    sent = checkouts_of(page)
    page.route(CHECKOUT, answer_with(401, "unauthorized"), times=1)
    pay(page)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("E-mail").fill(stack.users["kareem"]["username"])
    page.get_by_label("Password").fill(stack.users["kareem"]["password"])
    page.get_by_test_id("sign-in").click()
    expect_confirmed(page)
    assert len(sent) == 2
    assert len(set(keys_of(sent))) == 1


def test_a_changed_price_is_shown_and_bought_at_only_when_accepted(page, stack, step):
    sign_in(page, stack.users["kareem"])
    open_checkout(page)
    fill_address(page)
    new_total = {"amount": 4999, "currency": "USD"}
    page.route(CHECKOUT, answer_with(409, "price_changed", total=new_total), times=1)
    with page.expect_request(is_checkout) as first:
        pay(page)
    expect(page.get_by_test_id("accept-price")).to_have_text("Continue at $49.99")
    step(page, "price-changed")
    page.route(CHECKOUT, answer_with(403, "forbidden"))
    with page.expect_request(is_checkout) as second:
        page.get_by_test_id("accept-price").click()
    assert second.value.post_data_json == {**first.value.post_data_json, "expected_total": new_total}
    assert keys_of([first.value]) != keys_of([second.value])


def test_a_wrong_field_is_marked_and_gets_the_focus(page, stack, step):
    sign_in(page, stack.users["kareem"])
    open_checkout(page)
    pay(page)
    expect(page.get_by_test_id("field-name")).to_be_focused()
    expect(page.get_by_test_id("error-city")).to_have_text("Enter a city.")
    step(page, "before-sending")

    fill_address(page)
    errors = [
        {"pointer": "/phone", "detail": "This number is not in use."},
        {"pointer": "/shipping_address/city", "detail": "We do not know this city."},
    ]
    page.route(CHECKOUT, answer_with(400, "validation_failed", errors=errors), times=1)
    pay(page)
    expect(page.get_by_test_id("error-city")).to_have_text("We do not know this city.")
    expect(page.get_by_test_id("error-phone")).to_have_text("This number is not in use.")
    expect(page.get_by_test_id("field-city")).to_be_focused()
    step(page, "after-the-answer")


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "forbidden", "not open to you"),
        (404, "not_found", "cannot find"),
        (413, "payload_too_large", "too much at once"),
        (415, "unsupported_media_type", "did not work"),
        (422, "idempotency_key_reused", "mixed up"),
    ],
)
def test_every_other_refusal_is_told_in_a_shoppers_words(page, stack, status, code, words):
    sign_in(page, stack.users["kareem"])
    open_checkout(page)
    fill_address(page)
    page.route(CHECKOUT, answer_with(status, code))
    pay(page)
    expect(page.get_by_test_id("notice")).to_contain_text(words)
    expect(page.get_by_test_id("notice")).not_to_contain_text(code)
    expect(page.get_by_test_id("pay")).to_be_enabled()


def test_a_fault_of_ours_names_its_reference_and_is_tried_again_with_the_same_key(page, stack, step):
    sign_in(page, stack.users["kareem"])
    open_checkout(page)
    fill_address(page)
    sent = checkouts_of(page)
    page.route(CHECKOUT, answer_with(500, "internal"), times=1)
    pay(page)
    expect(page.get_by_test_id("reference")).to_have_text("Reference: corr-1234")
    step(page, "fault")
    page.get_by_test_id("try-again").click()
    expect_confirmed(page)
    assert len(set(keys_of(sent))) == 1


def test_without_a_network_the_order_waits_and_goes_on_when_it_is_back(page, stack, step):
    sign_in(page, stack.users["kareem"])
    open_checkout(page)
    fill_address(page)
    page.context.set_offline(True)
    pay(page)
    expect(page.get_by_text("You are offline")).to_be_visible()
    step(page, "offline")
    page.context.set_offline(False)
    expect_confirmed(page)


def test_an_order_that_is_still_pending_is_followed_until_it_is_confirmed(page, stack, step):
    sign_in(page, stack.users["kareem"])
    open_checkout(page)
    fill_address(page)

    def still_pending(route: Route):
        response = route.fetch()
        route.fulfill(response=response, json={**response.json(), "status": "payment_pending"})

    page.route("**/v1/orders/ord_*", still_pending, times=2)
    pay(page)
    expect(page.get_by_test_id("order-heading")).to_have_text("Order received!", timeout=ORDER_TIMEOUT_MS)
    step(page, "received")
    expect_confirmed(page)


def test_a_wrong_password_says_so(page, stack, step):
    page.goto("/#/sign-in")
    page.get_by_label("E-mail").fill(stack.users["kareem"]["username"])
    page.get_by_label("Password").fill("not-the-password")
    page.get_by_test_id("sign-in").click()
    expect(page.get_by_test_id("notice")).to_contain_text("password is not right")
    step(page, "wrong-password")
    expect(page.get_by_test_id("sign-out")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_360_pixels_wide_never_scrolls_sideways(new_page, stack, step, scheme):
    page = new_page(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    sign_in(page, stack.users["kareem"])
    open_checkout(page)
    fill_address(page)
    pay(page)
    order_id = expect_confirmed(page)
    for name, address, heading in (
        ("order", f"#/orders/{order_id}", "Thank you, your order is confirmed"),
        ("orders", "#/orders", "Your orders"),
        ("shop", "#/", "Everyday things, well made"),
        ("category", "#/?category=ceramics", "Ceramics"),
        ("product", "#/products/limited-lamp", re.compile("Lamp")),
        ("checkout", "#/checkout/kettle-steel?quantity=2", "Checkout"),
    ):
        page.goto(f"/{address}")
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        step(page, name)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, f"{name} is wider than the screen"


def test_the_page_makes_no_console_errors_and_violates_no_policy(page, stack):
    complaints = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    response = page.goto("/")
    assert "content-security-policy" in response.headers, "the storefront is served without a Content-Security-Policy"
    sign_in(page, stack.users["kareem"])
    for address, heading in (("#/?category=kitchen", "Kitchen"), ("#/products/kettle-steel", "Steel Kettle"), ("#/orders", "Your orders")):
        page.goto(f"/{address}")
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    open_checkout(page)
    fill_address(page)
    pay(page)
    expect_confirmed(page)
    assert complaints == []

"""Cancelling an order from its page: what she is asked, what is sent, and what she reads about her money."""

import re

from playwright.sync_api import Page, Request, Route, expect

from shopper import ORDER_TIMEOUT_MS, answer_with, buy, expect_confirmed, expect_event, expect_status, keys_of

CANCEL = re.compile(r"/v1/orders/ord_[0-9a-f]{32}/cancel$")


def confirmed_order(page: Page, stack) -> str:
    buy(page, stack.users["kareem"], "card-pm_card_visa")
    return expect_confirmed(page)


def cancels_of(page: Page) -> list[Request]:
    """Every cancel the page sends from now on."""
    sent = []
    page.on("request", lambda request: sent.append(request) if CANCEL.search(request.url) else None)
    return sent


def cancel(page: Page):
    page.get_by_test_id("cancel").click()
    page.get_by_test_id("cancel-yes").click()


def test_a_paid_order_is_cancelled_and_its_money_goes_back(page, stack, step, kareems_orders):
    order_id = confirmed_order(page, stack)
    expect_status(page, "paid")
    page.get_by_test_id("cancel").click()
    expect(page.get_by_test_id("cancel-dialog")).to_contain_text("You paid $45.99. It goes back to your card.")
    step(page, "asked")
    page.get_by_test_id("cancel-yes").click()
    expect_status(page, "cancelled")
    expect_event(page, "PaymentRefunded")
    expect(page.get_by_test_id("order-sentence")).to_contain_text("We have sent $45.99 back to your card", timeout=ORDER_TIMEOUT_MS)
    expect(page.get_by_test_id("refund")).to_contain_text("Refunded")
    expect(page.get_by_test_id("refund")).to_contain_text("$45.99")
    expect(page.get_by_test_id("cancel")).to_be_hidden()
    step(page, "refunded")
    assert kareems_orders.status(order_id) == "cancelled"


def test_an_order_that_the_shop_cancels_does_not_say_that_she_asked(page, stack, step, administrators_orders):
    order_id = confirmed_order(page, stack)
    expect_status(page, "paid")
    administrators_orders.cancel(order_id)
    page.reload()
    expect_status(page, "cancelled")
    expect_event(page, "PaymentRefunded")
    timeline = page.get_by_test_id("timeline")
    expect(timeline).to_contain_text("We had to cancel the order")
    expect(timeline).not_to_contain_text("as you asked")
    step(page, "refunded")


def test_an_order_that_was_only_just_confirmed_is_cancelled_too(page, stack):
    confirmed_order(page, stack)
    cancel(page)
    expect_status(page, "cancelled")
    expect_event(page, "InventoryReleased")
    words = re.compile(r"nothing is held any more|sent \$45.99 back to your card")
    expect(page.get_by_test_id("order-sentence")).to_contain_text(words, timeout=ORDER_TIMEOUT_MS)


def test_an_order_that_waits_for_her_bank_can_be_cancelled(page, stack):
    buy(page, stack.users["kareem"], "card-pm_card_authenticationRequired")
    expect(page.get_by_test_id("approve")).to_be_visible(timeout=ORDER_TIMEOUT_MS)
    cancel(page)
    expect_status(page, "cancelled")
    expect(page.get_by_test_id("order-sentence")).to_contain_text("Nothing was charged")
    expect(page.get_by_test_id("approve")).to_be_hidden()


def test_while_the_payment_is_being_taken_the_cancel_is_sent_again_with_the_same_key(page, stack, step):
    confirmed_order(page, stack)
    sent = cancels_of(page)
    page.route(CANCEL, answer_with(409, "order_busy", {"Retry-After": "2"}), times=1)
    cancel(page)
    expect(page.get_by_test_id("cancelling")).to_contain_text("We are just taking the payment")
    step(page, "busy")
    expect_status(page, "cancelled")
    assert len(set(keys_of(sent))) == 1
    assert len(sent) >= 2
    assert all(request.post_data_json == {} for request in sent)


def test_a_cancel_whose_answer_was_lost_is_repeated_with_the_same_key(page, stack):
    confirmed_order(page, stack)
    sent = cancels_of(page)

    def lose_the_answer(route: Route):
        route.fetch()
        route.abort("connectionreset")

    page.route(CANCEL, lose_the_answer, times=1)
    cancel(page)
    expect(page.get_by_test_id("cancel-dialog").get_by_test_id("notice")).to_be_visible(timeout=ORDER_TIMEOUT_MS)
    page.get_by_test_id("cancel-yes").click()
    expect_status(page, "cancelled")
    assert len(sent) == 2
    assert len(set(keys_of(sent))) == 1


def test_two_wishes_have_two_keys(page, stack):
    confirmed_order(page, stack)
    sent = cancels_of(page)
    page.route(CANCEL, answer_with(403, "forbidden"))
    cancel(page)
    expect(page.get_by_test_id("cancel-dialog").get_by_test_id("notice")).to_be_visible()
    with page.expect_request(CANCEL):
        page.get_by_test_id("cancel-yes").click()
    assert len(set(keys_of(sent))) == 2


def test_who_thinks_better_of_it_keeps_the_order(page, stack, kareems_orders):
    order_id = confirmed_order(page, stack)
    sent = cancels_of(page)
    page.get_by_test_id("cancel").click()
    page.get_by_test_id("cancel-no").click()
    expect(page.get_by_test_id("cancel-dialog")).to_be_hidden()
    expect(page.get_by_test_id("cancel")).to_be_focused()
    page.get_by_test_id("cancel").click()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("cancel-dialog")).to_be_hidden()
    assert sent == []
    assert kareems_orders.status(order_id) in ("confirmed", "paid")


def test_an_order_that_cannot_be_cancelled_any_more_says_so(page, stack, step):
    confirmed_order(page, stack)
    page.route(CANCEL, answer_with(409, "order_not_cancellable"))
    cancel(page)
    expect(page.get_by_test_id("cancel-dialog")).to_contain_text("cannot be cancelled any more")
    step(page, "too-late")
    page.get_by_test_id("cancel-no").click()
    expect(page.get_by_test_id("order-heading")).to_be_visible()


def test_a_rejected_order_offers_no_cancel(page, stack):
    buy(page, stack.users["kareem"], "card-pm_card_visa_chargeDeclined")
    expect(page.get_by_test_id("notice")).to_be_visible(timeout=ORDER_TIMEOUT_MS)
    page.goto("/#/orders")
    rejected = page.get_by_test_id("order-row").filter(has_text="Not completed").first
    expect(rejected).to_be_visible(timeout=ORDER_TIMEOUT_MS)
    rejected.get_by_role("link").click()
    expect_status(page, "rejected")
    expect(page.get_by_test_id("cancel")).to_be_hidden()

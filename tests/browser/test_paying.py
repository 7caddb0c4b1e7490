"""Paying in every way that the page offers, the bank's and PayPal's own pages included."""

import pytest
from playwright.sync_api import Page, expect

from shopper import (
    CHECKOUT,
    ORDER_TIMEOUT_MS,
    answer_with,
    buy,
    expect_confirmed,
    expect_event,
    expect_status,
    fill_address,
    is_checkout,
    open_checkout,
    pay,
    sign_in,
)

THREE_D_SECURE = "card-pm_card_authenticationRequired"


def expect_to_be_asked(page: Page, words: str) -> str:
    """Waits for the order's page to ask for her word; answers the order's id."""
    expect(page.get_by_test_id("order-heading")).to_have_text("One more step", timeout=ORDER_TIMEOUT_MS)
    expect(page.get_by_test_id("approve")).to_have_text(words)
    return page.get_by_test_id("order-id").inner_text()


def answer_there(page: Page, button: str, order_id: str):
    """Goes where the payment is confirmed, presses a button there, and comes back to the order's page."""
    page.get_by_test_id("approve").click()
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.get_by_test_id("order-id")).to_have_text(order_id, timeout=ORDER_TIMEOUT_MS)


def test_an_order_that_needs_3d_secure_goes_on_when_she_has_confirmed_at_her_bank(page, stack, step):
    buy(page, stack.users["kareem"], THREE_D_SECURE)
    order_id = expect_to_be_asked(page, "Confirm with your bank")
    step(page, "asked")
    answer_there(page, "Confirm", order_id)
    assert expect_confirmed(page) == order_id
    expect_event(page, "PaymentActionRequired")
    step(page, "confirmed")


def test_who_refuses_at_her_bank_is_charged_nothing(page, stack, step, kareems_orders):
    buy(page, stack.users["kareem"], THREE_D_SECURE)
    order_id = expect_to_be_asked(page, "Confirm with your bank")
    answer_there(page, "Refuse", order_id)
    expect_status(page, "rejected")
    expect(page.get_by_test_id("order-sentence")).to_contain_text("Nothing was charged")
    step(page, "refused")
    assert kareems_orders.status(order_id) == "rejected"


def test_who_comes_back_later_can_still_confirm(page, stack):
    buy(page, stack.users["kareem"], THREE_D_SECURE)
    order_id = expect_to_be_asked(page, "Confirm with your bank")
    page.goto("/#/orders")
    page.locator(f'[data-order-id="{order_id}"]').get_by_role("link").click()
    expect_to_be_asked(page, "Confirm with your bank")
    answer_there(page, "Confirm", order_id)
    expect_confirmed(page)


def test_going_back_from_the_bank_buys_nothing_twice(page, stack):
    buy(page, stack.users["kareem"], THREE_D_SECURE)
    order_id = expect_to_be_asked(page, "Confirm with your bank")
    page.get_by_test_id("approve").click()
    expect(page.get_by_role("button", name="Confirm", exact=True)).to_be_visible()
    page.go_back()
    expect(page.get_by_test_id("order-id")).to_have_text(order_id)
    expect(page.get_by_test_id("checkout-form")).to_have_count(0)


def test_a_paypal_account_buys(page, stack, step):
    buy(page, stack.users["kareem"], "paypal-vault_ok")
    expect_confirmed(page)
    step(page, "confirmed")


def test_paypal_asks_for_approval_on_its_own_page(page, stack, step):
    buy(page, stack.users["kareem"], "paypal-vault_action")
    order_id = expect_to_be_asked(page, "Approve in PayPal")
    step(page, "asked")
    answer_there(page, "Approve", order_id)
    assert expect_confirmed(page) == order_id


def test_a_declined_paypal_account_confirms_nothing(page, stack):
    buy(page, stack.users["kareem"], "paypal-vault_declined")
    expect(page.get_by_test_id("notice")).to_contain_text("PayPal did not approve", timeout=ORDER_TIMEOUT_MS)
    expect(page.get_by_test_id("notice")).to_contain_text("Nothing was charged")
    expect(page.get_by_test_id("pay")).to_be_enabled()


@pytest.mark.parametrize(
    ("first", "second", "methods"),
    [
        ("card-pm_card_visa", "", [{"provider": "stripe", "token": "pm_card_visa"}]),
        (
            "paypal-vault_ok",
            "pm_card_visa",
            [{"provider": "paypal", "token": "vault_ok"}, {"provider": "stripe", "token": "pm_card_visa"}],
        ),
    ],
)
def test_the_ways_to_pay_are_sent_in_her_order_of_preference(page, stack, first, second, methods):
    sign_in(page, stack.users["kareem"])
    open_checkout(page)
    fill_address(page)
    page.route(CHECKOUT, answer_with(403, "forbidden"))
    page.get_by_test_id(first).check()
    page.get_by_test_id("field-second-method").select_option(second)
    with page.expect_request(is_checkout) as sent:
        pay(page)
    assert sent.value.post_data_json["payment_methods"] == methods


def test_what_is_the_first_choice_cannot_be_the_second(page, stack, step):
    sign_in(page, stack.users["kareem"])
    open_checkout(page)
    page.get_by_test_id("field-second-method").select_option("vault_ok")
    page.get_by_test_id("paypal-vault_ok").check()
    expect(page.get_by_test_id("field-second-method")).to_have_value("")
    step(page, "ways-to-pay")

"""What a shopper does on the page, for every test that needs it done."""

import json
import re

from playwright.sync_api import Page, Request, Route, expect

CHECKOUT = "**/v1/checkout"
ADDRESS = {"name": "Kareem Adel", "line1": "12 Tahrir Square", "city": "Cairo", "postal_code": "11511"}
ORDER_TIMEOUT_MS = 40_000


def sign_in(page: Page, user: dict):
    page.goto("/#/sign-in")
    page.get_by_label("E-mail").fill(user["username"])
    page.get_by_label("Password").fill(user["password"])
    page.get_by_test_id("sign-in").click()
    expect(page.get_by_test_id("sign-out")).to_be_visible()


def open_checkout(page: Page, sku: str = "kettle-steel", quantity: int = 1):
    page.goto(f"/#/checkout/{sku}?quantity={quantity}")
    expect(page.get_by_test_id("checkout-form")).to_be_visible()


def fill_address(page: Page, **changes):
    for name, value in {**ADDRESS, **changes}.items():
        page.get_by_test_id(f"field-{name}").fill(value)
    page.get_by_test_id("field-country").select_option("EG")


def pay(page: Page):
    page.get_by_test_id("pay").click()


def buy(page: Page, user: dict, method: str):
    """Signs in and orders a kettle, paid with one of the ways to pay that the page offers."""
    sign_in(page, user)
    open_checkout(page)
    fill_address(page)
    page.get_by_test_id(method).check()
    pay(page)


def expect_confirmed(page: Page) -> str:
    """Waits for the order's page and its good news; answers the order's id."""
    expect(page.get_by_test_id("order-status")).to_have_attribute("data-status", re.compile("confirmed|paid"), timeout=ORDER_TIMEOUT_MS)
    return page.get_by_test_id("order-id").inner_text()


def expect_event(page: Page, event: str):
    """Waits until the order's timeline has this event."""
    expect(page.get_by_test_id("timeline").locator(f'[data-event="{event}"]')).to_be_visible(timeout=ORDER_TIMEOUT_MS)


def expect_status(page: Page, status: str):
    expect(page.get_by_test_id("order-status")).to_have_attribute("data-status", status, timeout=ORDER_TIMEOUT_MS)


def checkouts_of(page: Page) -> list[Request]:
    """Every checkout the page sends from now on."""
    sent = []
    page.on("request", lambda request: sent.append(request) if is_checkout(request) else None)
    return sent


def is_checkout(request: Request) -> bool:
    return request.method == "POST" and request.url.endswith("/v1/checkout")


def keys_of(requests: list[Request]) -> list[str]:
    return [request.headers["idempotency-key"] for request in requests]


def answer_with(status: int, code: str, headers: dict | None = None, **members):
    """A route handler that answers a problem instead of the shop."""
    problem = {"type": "about:blank", "title": code, "status": status, "detail": code, "instance": "corr-1234", "code": code, **members}

    def answer(route: Route):
        route.fulfill(status=status, headers={"Content-Type": "application/problem+json", **(headers or {})}, body=json.dumps(problem))

    return answer

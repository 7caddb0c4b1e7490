"""What the storefront's tests run against: the stack that is up, a real browser, and a shopper's own view of the API."""

import json
import os
import re
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

REPO = Path(__file__).resolve().parents[2]
LAUNCH_ARGUMENTS = [
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# A violation of the page's own policy does not reach the page's code: this listener, which the page cannot see, reports it.
REPORT_CSP_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP violation: ${event.violatedDirective} blocked ${event.blockedURI || "inline"}`));
"""

# Pictures below the fold load when they are scrolled to; a picture of the whole page wants them all.
LOAD_EVERY_PICTURE = """
() => Promise.all([...document.images].map((image) => {
  image.loading = "eager";
  return image.decode().catch(() => {});
}))
"""


@dataclass(frozen=True)
class Stack:
    web_url: str
    users: dict


class Orders:
    """A customer's orders as the API tells them, past the page."""

    def __init__(self, stack: Stack, user: dict):
        self.web_url = stack.web_url
        self.token = self._sign_in(user)

    def ids(self) -> set[str]:
        ids, cursor = set(), ""
        while cursor is not None:
            page = self._get(f"/v1/orders?limit=50{f'&cursor={cursor}' if cursor else ''}")
            ids |= {order["order_id"] for order in page["orders"]}
            cursor = page.get("next_cursor")
        return ids

    def status(self, order_id: str) -> str:
        return self._get(f"/v1/orders/{order_id}")["status"]

    def cancel(self, order_id: str):
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        self._send(f"/v1/orders/{order_id}/cancel", method="POST", headers=headers)

    def _get(self, path: str) -> dict:
        return self._send(path)

    def _send(self, path: str, headers: dict | None = None, **request) -> dict:
        headers = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        return _json(urllib.request.Request(self.web_url + path, headers=headers, **request))

    def _sign_in(self, user: dict) -> str:
        cognito = _json(self.web_url + "/config.json")["cognito"]
        endpoint = cognito["endpoint"]
        request = urllib.request.Request(
            self.web_url + endpoint if endpoint.startswith("/") else endpoint,
            data=json.dumps({
                "AuthFlow": "USER_PASSWORD_AUTH",
                "ClientId": cognito["client_id"],
                "AuthParameters": {"USERNAME": user["username"], "PASSWORD": user["password"]},
            }).encode(),
            headers={
                "Content-Type": "application/x-amz-json-1.1",
                "X-Amz-Target": "AWSCognitoIdentityProviderService.InitiateAuth",
            },
        )
        return _json(request)["AuthenticationResult"]["IdToken"]


def _json(request) -> dict:
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


@pytest.fixture(scope="session")
def stack() -> Stack:
    outputs = Path(os.environ.get("SOUK_OUTPUTS", REPO / ".local" / "outputs.json"))
    if not outputs.is_file():
        pytest.fail(f"The stack is not up: {outputs} is missing. Start it with `cargo xtask up`, or set SOUK_OUTPUTS.", pytrace=False)
    values = json.loads(outputs.read_text())
    return Stack(web_url=values["web_url"].rstrip("/"), users=values["users"])


@pytest.fixture(scope="session")
def browser():
    executable = os.environ.get("SOUK_CHROME")
    if not executable:
        pytest.fail("There is no browser: set SOUK_CHROME to a Chrome or Chromium executable.", pytrace=False)
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=LAUNCH_ARGUMENTS + sandbox)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def screenshots() -> Path:
    folder = Path(os.environ.get("SOUK_SCREENSHOTS", REPO / "target" / "screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def new_page(browser, stack):
    """Makes pages, each of a fresh visitor who has never been here."""
    contexts = []

    def make(**options) -> Page:
        context = browser.new_context(
            **{"base_url": stack.web_url, "locale": "en-US", "viewport": {"width": 1280, "height": 900}, **options}
        )
        context.add_init_script(REPORT_CSP_VIOLATIONS)
        contexts.append(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_page) -> Page:
    return new_page()


@pytest.fixture
def step(request, screenshots):
    """Takes a picture of a step: `<test>-<step>.png`."""
    test = re.sub(r"[\W_]+", "-", request.node.name.removeprefix("test_")).strip("-")

    def shoot(page: Page, name: str):
        page.evaluate(LOAD_EVERY_PICTURE)
        page.screenshot(path=screenshots / f"{test}-{name}.png", full_page=True)

    return shoot


@pytest.fixture
def kareems_orders(stack) -> Orders:
    return Orders(stack, stack.users["kareem"])


@pytest.fixture
def administrators_orders(stack) -> Orders:
    return Orders(stack, stack.users["admin"])

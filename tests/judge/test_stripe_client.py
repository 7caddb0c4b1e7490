"""Stripe's official client, unchanged, against the payment simulator: it knows the real wire format."""

import json
import os
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import stripe


@pytest.fixture
def client() -> stripe.StripeClient:
    url = os.environ.get("SOUK_STRIPE_URL")
    if not url:
        pytest.fail("SOUK_STRIPE_URL is not set. Run: cargo xtask judge")
    return stripe.StripeClient("sk_test_judge", base_addresses={"api": url}, max_network_retries=0)


def prepared(client: stripe.StripeClient, **more) -> stripe.PaymentIntent:
    params = {
        "amount": 4599,
        "currency": "usd",
        "capture_method": "manual",
        "payment_method_types": ["card"],
        "metadata": {"order_id": "ord_judge"},
    }
    return client.v1.payment_intents.create(params | more)


def confirmed(client: stripe.StripeClient, token: str) -> stripe.PaymentIntent:
    params = {"payment_method": token, "return_url": "https://shop.example"}
    return client.v1.payment_intents.confirm(prepared(client).id, params)


def test_a_payment_is_prepared_authorised_read_and_captured(client):
    intent = prepared(client)
    assert (intent.object, intent.status, intent.amount) == ("payment_intent", "requires_payment_method", 4599)
    assert intent.metadata["order_id"] == "ord_judge"
    intent = client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa", "return_url": "https://shop.example"})
    assert (intent.status, intent.amount_capturable) == ("requires_capture", 4599)
    assert client.v1.payment_intents.retrieve(intent.id).status == "requires_capture"
    captured = client.v1.payment_intents.capture(intent.id)
    assert (captured.status, captured.amount_received) == ("succeeded", 4599)


def test_a_declined_card_is_the_clients_own_card_error(client):
    with pytest.raises(stripe.CardError) as declined:
        confirmed(client, "pm_card_visa_chargeDeclinedInsufficientFunds")
    error = declined.value
    assert (error.http_status, error.code, error.error.decline_code) == (402, "card_declined", "insufficient_funds")
    assert error.error.payment_intent.status == "requires_payment_method"


def test_a_cancelled_payment_cannot_be_confirmed(client):
    intent = confirmed(client, "pm_card_visa")
    cancelled = client.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
    assert (cancelled.status, cancelled.cancellation_reason) == ("canceled", "abandoned")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa", "return_url": "https://shop.example"})
    assert refused.value.code == "payment_intent_unexpected_state"


def test_a_key_is_replayed_for_the_same_request_and_refused_for_another(client):
    params = {"amount": 100, "currency": "usd", "capture_method": "manual"}
    first = client.v1.payment_intents.create(params, {"idempotency_key": "judge-key"})
    again = client.v1.payment_intents.create(params, {"idempotency_key": "judge-key"})
    assert first.id == again.id
    with pytest.raises(stripe.IdempotencyError):
        client.v1.payment_intents.create(params | {"amount": 200}, {"idempotency_key": "judge-key"})


def test_wrong_requests_are_the_clients_own_errors(client):
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        confirmed(client, "pm_nobody_has_this")
    assert (unknown.value.code, unknown.value.param) == ("resource_missing", "payment_method")
    with pytest.raises(stripe.InvalidRequestError) as missing:
        client.v1.payment_intents.retrieve("pi_nothing")
    assert missing.value.http_status == 404
    with pytest.raises(stripe.InvalidRequestError) as small:
        prepared(client, amount=1)
    assert small.value.code == "amount_too_small"


def test_payments_are_listed_by_when_they_were_made(client):
    intent = prepared(client)
    listed = client.v1.payment_intents.list({"created": {"gte": intent.created}, "limit": 100})
    assert intent.id in [each.id for each in listed.data]


def test_a_key_that_is_no_test_key_is_not_let_in(client):
    stranger = stripe.StripeClient("sk_live_x", base_addresses={"api": os.environ["SOUK_STRIPE_URL"]}, max_network_retries=0)
    with pytest.raises(stripe.AuthenticationError):
        stranger.v1.payment_intents.retrieve("pi_nothing")


def taken(client: stripe.StripeClient, token: str = "pm_card_visa") -> stripe.PaymentIntent:
    return client.v1.payment_intents.capture(confirmed(client, token).id)


def test_refunds_are_read_and_listed_by_payment(client):
    intent = taken(client)
    refund = client.v1.refunds.create({"payment_intent": intent.id, "amount": 599})
    assert client.v1.refunds.retrieve(refund.id).amount == 599
    listed = client.v1.refunds.list({"payment_intent": intent.id, "limit": 1})
    assert ([each.id for each in listed.data], listed.has_more) == ([refund.id], False)


def test_a_saved_card_is_its_customers_and_a_test_card_nobodys(client):
    saved = client.v1.payment_methods.retrieve("pm_of_amina")
    assert (saved.customer, saved.card.last4) == ("cus_amina", "4242")
    assert client.v1.customers.retrieve("cus_amina").metadata["customer_id"] == "amina"
    assert client.v1.payment_methods.retrieve("pm_card_visa").customer is None
    intent = prepared(client, customer="cus_amina")
    params = {"payment_method": "pm_of_amina", "return_url": "https://shop.example"}
    assert client.v1.payment_intents.confirm(intent.id, params).customer == "cus_amina"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        confirmed(client, "pm_of_amina")
    assert refused.value.param == "payment_method"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.retrieve("amina")


def test_the_latest_charge_can_be_had_whole(client):
    intent = confirmed(client, "pm_card_visa")
    assert isinstance(intent.latest_charge, str)
    whole = client.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]}).latest_charge
    assert (whole.object, whole.id, whole.status) == ("charge", intent.latest_charge, "succeeded")
    card = whole.payment_method_details.card
    assert card.capture_before - whole.created == 7 * 24 * 60 * 60


def test_a_customer_who_must_authenticate_is_sent_to_a_page(client):
    intent = confirmed(client, "pm_card_authenticationRequired")
    assert intent.status == "requires_action"
    with urllib.request.urlopen(intent.next_action.redirect_to_url.url) as page:
        assert page.status == 200 and b"45.99 USD" in page.read()


def test_webhooks_are_signed_as_stripe_signs_them(client):
    control = os.environ.get("SOUK_SIMULATOR_URL")
    if not control:
        pytest.fail("SOUK_SIMULATOR_URL is not set. Run: cargo xtask judge")
    told, arrived = [], threading.Event()

    class Shop(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.append((body, self.headers["Stripe-Signature"]))
            self.send_response(204)
            self.end_headers()
            arrived.set()

        def log_message(self, *_):
            pass

    def put(target: dict) -> None:
        body = json.dumps(target).encode()
        urllib.request.urlopen(urllib.request.Request(f"{control}/webhooks", body, method="PUT")).close()

    shop = HTTPServer(("127.0.0.1", 0), Shop)
    threading.Thread(target=shop.serve_forever, daemon=True).start()
    try:
        put({"provider": "stripe", "url": f"http://127.0.0.1:{shop.server_port}/", "secret": "whsec_judge"})
        intent = prepared(client)
        assert arrived.wait(10)
    finally:
        urllib.request.urlopen(urllib.request.Request(f"{control}/webhooks", method="DELETE")).close()
        shop.shutdown()
    body, signature = told[0]
    event = stripe.Webhook.construct_event(body, signature, "whsec_judge")
    assert (event.type, event.data.object.id) == ("payment_intent.created", intent.id)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, signature, "whsec_other")

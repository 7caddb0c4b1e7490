"""PayPal's official client, unchanged, against the payment simulator: it knows the real wire format."""

import os
import uuid
from datetime import datetime, timedelta, timezone

import pytest
from paypalserversdk.configuration import Configuration, Environment, Server
from paypalserversdk.exceptions.error_exception import ErrorException
from paypalserversdk.exceptions.o_auth_provider_exception import OAuthProviderException
from paypalserversdk.http.auth.o_auth_2 import ClientCredentialsAuthCredentials
from paypalserversdk.models.amount_with_breakdown import AmountWithBreakdown
from paypalserversdk.models.capture_request import CaptureRequest
from paypalserversdk.models.checkout_payment_intent import CheckoutPaymentIntent
from paypalserversdk.models.money import Money
from paypalserversdk.models.order_authorize_request import OrderAuthorizeRequest
from paypalserversdk.models.order_authorize_request_payment_source import OrderAuthorizeRequestPaymentSource
from paypalserversdk.models.order_request import OrderRequest
from paypalserversdk.models.payment_initiator import PaymentInitiator
from paypalserversdk.models.paypal_wallet import PaypalWallet
from paypalserversdk.models.paypal_wallet_stored_credential import PaypalWalletStoredCredential
from paypalserversdk.models.purchase_unit_request import PurchaseUnitRequest
from paypalserversdk.models.refund_request import RefundRequest
from paypalserversdk.models.stored_payment_source_usage_type import StoredPaymentSourceUsageType
from paypalserversdk.paypal_serversdk_client import PaypalServersdkClient


def client_of(secret: str) -> PaypalServersdkClient:
    url = os.environ.get("SOUK_PAYPAL_URL")
    if not url:
        pytest.fail("SOUK_PAYPAL_URL is not set. Run: cargo xtask judge")
    Configuration.environments[Environment.SANDBOX][Server.DEFAULT] = url
    credentials = ClientCredentialsAuthCredentials(o_auth_client_id="simulator", o_auth_client_secret=secret)
    return PaypalServersdkClient(client_credentials_auth_credentials=credentials, environment=Environment.SANDBOX)


@pytest.fixture
def client() -> PaypalServersdkClient:
    return client_of("simulator-secret")


def posting(**more) -> dict:
    return {"paypal_request_id": str(uuid.uuid4()), "prefer": "return=representation"} | more


def ordered(client, value="45.99", currency="USD", **more):
    amount = AmountWithBreakdown(currency_code=currency, value=value)
    unit = PurchaseUnitRequest(amount=amount, custom_id="ord_judge")
    body = OrderRequest(intent=CheckoutPaymentIntent.AUTHORIZE, purchase_units=[unit])
    return client.orders.create_order(posting(body=body, **more)).body


def authorized(client, order_id: str, token: str):
    stored = PaypalWalletStoredCredential(
        payment_initiator=PaymentInitiator.MERCHANT, usage=StoredPaymentSourceUsageType.SUBSEQUENT
    )
    wallet = PaypalWallet(vault_id=token, stored_credential=stored)
    body = OrderAuthorizeRequest(payment_source=OrderAuthorizeRequestPaymentSource(paypal=wallet))
    return client.orders.authorize_order(posting(id=order_id, body=body)).body


def held(client, token: str = "vault_ok"):
    return authorized(client, ordered(client).id, token).purchase_units[0].payments.authorizations[0]


def captured(client, authorization_id: str, body=None):
    options = posting(authorization_id=authorization_id, body=body or CaptureRequest(final_capture=True))
    return client.payments.capture_authorized_payment(options).body


def test_a_payment_is_prepared_authorised_read_captured_and_refunded(client):
    order = ordered(client)
    assert (order.status, order.intent, order.purchase_units[0].custom_id) == ("CREATED", "AUTHORIZE", "ord_judge")
    done = authorized(client, order.id, "vault_ok")
    authorization = done.purchase_units[0].payments.authorizations[0]
    assert (done.status, authorization.status, authorization.amount.value) == ("COMPLETED", "CREATED", "45.99")
    assert client.payments.get_authorized_payment({"authorization_id": authorization.id}).body.status == "CREATED"

    capture = captured(client, authorization.id)
    assert (capture.status, capture.final_capture, capture.custom_id) == ("COMPLETED", True, "ord_judge")
    assert client.payments.get_captured_payment({"capture_id": capture.id}).body.amount.value == "45.99"

    amount = Money(currency_code="USD", value="5.99")
    body = RefundRequest(amount=amount, custom_id="ref_judge", invoice_id="inv_judge", note_to_payer="Sorry")
    refund = client.payments.refund_captured_payment(posting(capture_id=capture.id, body=body)).body
    assert (refund.status, refund.amount.value, refund.custom_id) == ("COMPLETED", "5.99", "ref_judge")
    assert client.payments.get_refund({"refund_id": refund.id}).body.id == refund.id

    payments = client.orders.get_order({"id": order.id}).body.purchase_units[0].payments
    assert [each.id for each in payments.captures] == [capture.id]
    assert [each.id for each in payments.refunds] == [refund.id]
    assert payments.captures[0].status == "PARTIALLY_REFUNDED"


def test_a_minimal_answer_has_the_status_and_where_to_go_on(client):
    order = ordered(client, prefer="return=minimal")
    assert order.status == "CREATED" and {link.rel for link in order.links} >= {"self", "authorize"}
    assert not hasattr(order, "purchase_units")


def test_an_authorisation_is_voided_once(client):
    authorization = held(client)
    voided = client.payments.void_payment(posting(authorization_id=authorization.id))
    assert (voided.status_code, voided.body.status) == (200, "VOIDED")
    with pytest.raises(ErrorException) as again:
        client.payments.void_payment(posting(authorization_id=authorization.id))
    assert (again.value.response_code, again.value.details[0].issue) == (422, "PREVIOUSLY_VOIDED")
    other = held(client)
    empty = client.payments.void_payment(posting(authorization_id=other.id, prefer="return=minimal"))
    assert empty.status_code == 204


def test_a_denied_payment_and_a_declined_instrument_are_told_apart(client):
    denied = held(client, "vault_declined")
    assert (denied.status, denied.processor_response.response_code) == ("DENIED", "5120")
    order = ordered(client)
    with pytest.raises(ErrorException) as declined:
        authorized(client, order.id, "vault_instrument_declined")
    assert (declined.value.response_code, declined.value.name) == (422, "UNPROCESSABLE_ENTITY")
    assert declined.value.details[0].issue == "INSTRUMENT_DECLINED"
    assert authorized(client, order.id, "vault_ok").status == "COMPLETED"


def test_an_order_that_needs_its_payer_says_where_to_send_her(client):
    asked = authorized(client, ordered(client).id, "vault_action")
    assert asked.status == "PAYER_ACTION_REQUIRED"
    assert [link.href for link in asked.links if link.rel == "payer-action"]


def test_a_request_id_is_replayed_for_the_same_request_and_refused_for_another(client):
    key = {"paypal_request_id": f"judge-{uuid.uuid4()}"}
    first, again = ordered(client, **key), ordered(client, **key)
    assert first.id == again.id
    with pytest.raises(ErrorException) as other:
        ordered(client, value="1.00", **key)
    assert other.value.response_code == 422


def test_wrong_requests_are_the_clients_own_errors(client):
    with pytest.raises(ErrorException) as unknown:
        authorized(client, ordered(client).id, "nobody_saved_this")
    assert unknown.value.details[0].issue == "TOKEN_ID_NOT_FOUND"
    with pytest.raises(ErrorException) as missing:
        client.orders.get_order({"id": "NOSUCHORDER"})
    assert (missing.value.response_code, missing.value.name) == (404, "RESOURCE_NOT_FOUND")
    for value, currency, issue in [("5.00", "JPY", "DECIMALS_NOT_SUPPORTED"), ("5.001", "USD", "DECIMAL_PRECISION")]:
        with pytest.raises(ErrorException) as wrong:
            ordered(client, value, currency)
        assert wrong.value.details[0].issue == issue
    authorization = held(client)
    with pytest.raises(ErrorException) as too_much:
        captured(client, authorization.id, CaptureRequest(amount=Money(currency_code="USD", value="46.00")))
    assert too_much.value.details[0].issue == "MAX_CAPTURE_AMOUNT_EXCEEDED"


def test_a_saved_account_says_whose_it_is(client):
    token = client.vault.get_payment_token("vault_of_amina").body
    assert (token.id, token.customer.merchant_customer_id) == ("vault_of_amina", "amina")
    assert client.vault.get_payment_token("vault_ok").body.customer.merchant_customer_id == "*"
    with pytest.raises(ErrorException) as unknown:
        client.vault.get_payment_token("nobody_saved_this")
    assert unknown.value.response_code == 404


def test_transactions_are_reported_under_the_shops_own_id(client):
    authorization = held(client)
    capture = captured(client, authorization.id)
    now = datetime.now(timezone.utc)
    window = {
        "start_date": (now - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "end_date": (now + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "fields": "all",
        "page_size": 500,
        "page": 1,
    }

    def codes(**more) -> dict[str, str]:
        found = client.transaction_search.search_transactions(window | more).body.transaction_details
        infos = [each.transaction_info for each in found if each.transaction_info.custom_field == "ord_judge"]
        return {info.transaction_id: info.transaction_event_code for info in infos}

    assert codes()[capture.id] == "T0006" and authorization.id not in codes()
    assert codes(balance_affecting_records_only="N")[authorization.id] == "T1300"


def test_a_client_with_another_secret_is_not_let_in():
    with pytest.raises(OAuthProviderException) as stranger:
        client_of("guess").oauth_2.fetch_token()
    assert (stranger.value.response_code, stranger.value.error) == (401, "invalid_client")

//! Names: who calls what for which order, and how often before.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{ORDER, OTHER_ORDER, Proxy, put_event, read};

#[tokio::test]
async fn a_call_is_named_by_caller_service_operation_table_and_occurrence() {
    let proxy = Proxy::start().await;
    proxy.put_event(ORDER).await.unwrap();
    proxy.put_event(ORDER).await.unwrap();
    proxy.put_event(OTHER_ORDER).await.unwrap();
    proxy.dynamodb("authorize-payment", "PutItem", &put_event(ORDER)).await.unwrap();
    let key = json!({"TableName": "souk-OrderDetailsTable-1", "Key": {"order_id": {"S": ORDER}}});
    proxy.dynamodb("checkout", "GetItem", &key).await.unwrap();
    proxy.aws_call("checkout", "AWSEvents.PutEvents", &json!({"Detail": json!({"o": ORDER}).to_string()})).await.unwrap();
    let form = format!("amount=4599&metadata%5Border_id%5D={ORDER}");
    proxy.stripe("prepare-payment", Method::POST, "payment_intents", &form).await.unwrap();
    assert_eq!(
        proxy.names(ORDER).await,
        [
            "checkout/dynamodb.PutItem(OrderEventsTable)#1",
            "checkout/dynamodb.PutItem(OrderEventsTable)#2",
            "authorize-payment/dynamodb.PutItem(OrderEventsTable)#1",
            "checkout/dynamodb.GetItem(OrderDetailsTable)#1",
            "checkout/events.PutEvents#1",
            "prepare-payment/stripe.CreatePaymentIntent#1",
        ]
    );
    assert_eq!(proxy.names(OTHER_ORDER).await, ["checkout/dynamodb.PutItem(OrderEventsTable)#1"]);
}

#[tokio::test]
async fn a_call_tells_its_parts() {
    let proxy = Proxy::start().await;
    proxy.put_event(OTHER_ORDER).await.unwrap();
    proxy.put_event(ORDER).await.unwrap();
    let call = proxy.last_call().await;
    for (field, value) in [
        ("number", json!(2)),
        ("order_id", json!(ORDER)),
        ("upstream", json!("aws")),
        ("caller", json!("checkout")),
        ("service", json!("dynamodb")),
        ("operation", json!("PutItem")),
        ("table", json!("OrderEventsTable")),
        ("occurrence", json!(1)),
        ("name", json!("checkout/dynamodb.PutItem(OrderEventsTable)#1")),
        ("status", json!(200)),
        ("fault", Value::Null),
        ("invocation_id", Value::Null),
        ("response_bytes", json!(2)),
        ("write_units", json!(1)),
        ("read_units", json!(0.0)),
    ] {
        assert_eq!(call[field], value, "{field}");
    }
    assert!(call["at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(call.as_object().unwrap().len(), 17);
}

#[tokio::test]
async fn the_tries_of_one_call_are_known_by_what_awss_clients_call_it() {
    let proxy = Proxy::start().await;
    let put = |invocation_id: &'static str| {
        let request = proxy.http.post(proxy.aws()).header("X-Amz-Target", "DynamoDB_20120810.PutItem");
        read(request.header("amz-sdk-invocation-id", invocation_id).body(put_event(ORDER).to_string()))
    };
    for invocation_id in ["a", "a", "b"] {
        put(invocation_id).await.unwrap();
    }
    let calls = proxy.calls().await;
    let told = calls.iter().map(|call| call["invocation_id"].as_str().unwrap());
    assert_eq!(told.collect::<Vec<_>>(), ["a", "a", "b"]);
}

#[tokio::test]
async fn a_transaction_goes_by_its_first_table_and_a_batch_by_the_first_name() {
    let proxy = Proxy::start().await;
    let update = |table: &str| json!({"Update": {"TableName": table, "Key": {"sku": {"S": "a"}}}});
    let transaction =
        json!({"TransactItems": [update("s-InventoryTable-1"), update("s-AaaTable-1")], "ClientRequestToken": ORDER});
    proxy.dynamodb("reserve-inventory", "TransactWriteItems", &transaction).await.unwrap();
    let batch = json!({"RequestItems": {"s-ProductsTable-1": {"Keys": [{"sku": {"S": ORDER}}]}, "s-ZzzTable-1": {"Keys": []}}});
    proxy.dynamodb("checkout", "BatchGetItem", &batch).await.unwrap();
    assert_eq!(
        proxy.names(ORDER).await,
        ["reserve-inventory/dynamodb.TransactWriteItems(InventoryTable)#1", "checkout/dynamodb.BatchGetItem(ProductsTable)#1"]
    );
}

#[tokio::test]
async fn the_caller_stands_in_either_user_agent_or_is_other() {
    let proxy = Proxy::start().await;
    let with =
        |name: &'static str, value: &'static str| read(proxy.http.get(format!("{}/b/{ORDER}", proxy.aws())).header(name, value));
    with("x-amz-user-agent", "aws-sdk-rust/1 app/capture-payment md/x").await.unwrap();
    with("user-agent", "Boto3/1 souk/capture-payment").await.unwrap();
    assert_eq!(proxy.names(ORDER).await, ["capture-payment/s3.GetObject#1", "other/s3.GetObject#1"]);
}

#[tokio::test]
async fn an_order_is_known_by_stripes_ids_once_they_were_mentioned() {
    let proxy = Proxy::start().await;
    let intent = json!({"id": "pi_3A", "latest_charge": "ch_3A", "customer": "cus_1", "payment_method": "pm_1", "metadata": {}});
    proxy.upstream.will_answer(200, &intent);
    proxy.stripe("a", Method::POST, "payment_intents", &format!("metadata[order_id]={ORDER}")).await.unwrap();
    proxy.stripe("a", Method::POST, "payment_intents/pi_3A/confirm", "payment_method=pm_1").await.unwrap();
    proxy.upstream.will_answer(200, &json!({"id": "re_1", "payment_intent": "pi_3A"}));
    proxy.stripe("a", Method::POST, "refunds", "payment_intent=pi_3A").await.unwrap();
    proxy.stripe("a", Method::GET, "refunds/re_1", "").await.unwrap();
    proxy.stripe("a", Method::GET, "charges?x%5B%5D=ch_3A", "").await.unwrap();
    for shared in ["customers/cus_1", "payment_methods/pm_1", "payment_intents/pi_3B"] {
        proxy.stripe("a", Method::GET, shared, "").await.unwrap();
    }
    assert_eq!(
        proxy.names(ORDER).await,
        [
            "a/stripe.CreatePaymentIntent#1",
            "a/stripe.ConfirmPaymentIntent#1",
            "a/stripe.CreateRefund#1",
            "a/stripe.RetrieveRefund#1",
            "a/stripe.ListCharges#1"
        ]
    );
    assert_eq!(proxy.calls().await.len(), 8);
}

#[tokio::test]
async fn an_order_is_known_by_paypals_ids_but_not_by_a_payers_or_a_vaults() {
    let proxy = Proxy::start().await;
    let order = json!({"purchase_units": [{"custom_id": ORDER}]});
    proxy.upstream.will_answer(201, &json!({"id": "5O19", "status": "CREATED"}));
    proxy.paypal("a", Method::POST, "v2/checkout/orders", &order).await.unwrap();
    let authorized = json!({
        "id": "5O19",
        "payer": {"payer_id": "QY", "id": "PAYER1"},
        "payment_source": {"paypal": {"attributes": {"vault": {"id": "8kk845"}}}},
        "purchase_units": [{"payments": {"authorizations": [{"id": "0AW2"}]}}],
    });
    proxy.upstream.will_answer(201, &authorized);
    proxy.paypal("a", Method::POST, "v2/checkout/orders/5O19/authorize", &json!({})).await.unwrap();
    proxy.upstream.will_answer(201, &json!({"id": "2GG2", "supplementary_data": {"related_ids": {"order_id": "5O19"}}}));
    proxy.paypal("a", Method::POST, "v2/payments/authorizations/0AW2/capture", &json!({})).await.unwrap();
    proxy.paypal("a", Method::POST, "v2/payments/captures/2GG2/refund", &json!({})).await.unwrap();
    proxy.paypal("a", Method::GET, "v3/vault/payment-tokens/8kk845", &json!({})).await.unwrap();
    assert_eq!(proxy.last_call().await["order_id"], Value::Null);
    assert_eq!(
        proxy.names(ORDER).await,
        ["a/paypal.CreateOrder#1", "a/paypal.AuthorizeOrder#1", "a/paypal.CaptureAuthorization#1", "a/paypal.RefundCapture#1"]
    );
}

#[tokio::test]
async fn an_object_that_names_its_order_goes_by_that_whoever_asked() {
    let proxy = Proxy::start().await;
    let intent = |id: &str, order_id: &str| json!({"id": id, "metadata": {"order_id": order_id}});
    let list = json!({"object": "list", "data": [intent("pi_1", ORDER), intent("pi_2", OTHER_ORDER), {"id": "pi_3"}]});
    proxy.upstream.will_answer(200, &list);
    proxy.stripe("a", Method::GET, &format!("payment_intents?o={ORDER}"), "").await.unwrap();
    proxy.upstream.will_answer(200, &json!({"id": "77A", "purchase_units": [{"custom_id": OTHER_ORDER}]}));
    proxy.paypal("a", Method::GET, "v2/checkout/orders/77A", &json!({})).await.unwrap();
    proxy.upstream.will_answer(200, &intent("pi_4", OTHER_ORDER));
    proxy.stripe("a", Method::GET, &format!("payment_intents/pi_4?o={ORDER}"), "").await.unwrap();
    for id in ["pi_1", "pi_2", "pi_3", "pi_4"] {
        proxy.stripe("b", Method::GET, &format!("payment_intents/{id}"), "").await.unwrap();
    }
    proxy.paypal("b", Method::GET, "v2/checkout/orders/77A", &json!({})).await.unwrap();
    let orders: Vec<Value> = proxy.calls().await.iter().skip(3).map(|call| call["order_id"].clone()).collect();
    assert_eq!(orders, [json!(ORDER), json!(OTHER_ORDER), Value::Null, json!(OTHER_ORDER), json!(OTHER_ORDER)]);
}

#[tokio::test]
async fn an_alias_tells_the_order_of_a_call_to_dynamodb_only() {
    let proxy = Proxy::start().await;
    let alias = json!({"alias": "key-\"1\"-of-mona", "order_id": ORDER});
    assert_eq!(proxy.control(Method::PUT, "aliases", alias).await.status, 204);
    let row =
        |key: &str| json!({"TableName": "s-IdempotencyKeysTable-1", "Item": {"request_key": {"S": format!("mona#POST#{key}")}}});
    proxy.dynamodb("checkout", "PutItem", &row("key-\"1\"-of-mona")).await.unwrap();
    proxy.dynamodb("checkout", "PutItem", &row("key-2-of-mona")).await.unwrap();
    proxy.aws_call("checkout", "AmazonSQS.SendMessage", &row("key-\"1\"-of-mona")).await.unwrap();
    assert_eq!(proxy.names(ORDER).await, ["checkout/dynamodb.PutItem(IdempotencyKeysTable)#1"]);
}

#[tokio::test]
async fn forgetting_the_calls_starts_the_occurrences_again_and_keeps_what_was_learned() {
    let proxy = Proxy::start().await;
    proxy.upstream.will_answer(200, &json!({"id": "pi_1"}));
    proxy.stripe("a", Method::POST, "payment_intents", ORDER).await.unwrap();
    proxy.stripe("a", Method::GET, "payment_intents/pi_1", "").await.unwrap();
    assert_eq!(proxy.control(Method::DELETE, "calls", Value::Null).await.status, 204);
    assert_eq!(proxy.calls().await, Vec::<Value>::new());
    proxy.stripe("a", Method::GET, "payment_intents/pi_1", "").await.unwrap();
    assert_eq!(proxy.names(ORDER).await, ["a/stripe.RetrievePaymentIntent#1"]);
    assert_eq!(proxy.last_call().await["number"], 3);
}

#[tokio::test]
async fn the_same_run_gives_the_same_names_with_a_fault_in_it() {
    let proxy = Proxy::start().await;
    proxy.put_event(ORDER).await.unwrap();
    proxy.put_event(ORDER).await.unwrap();
    let recorded = proxy.names(ORDER).await;
    proxy.control(Method::DELETE, "calls", Value::Null).await;
    proxy.fault(&recorded[1], "throttle").await;
    proxy.put_event(OTHER_ORDER).await.unwrap();
    assert_eq!(proxy.put_event(ORDER).await.unwrap().status, 200);
    assert_eq!(proxy.put_event(ORDER).await.unwrap().status, 400);
    assert_eq!(proxy.put_event(ORDER).await.unwrap().status, 200);
    let names = proxy.names(ORDER).await;
    assert_eq!((&names[..2], names.len()), (recorded.as_slice(), 3));
}

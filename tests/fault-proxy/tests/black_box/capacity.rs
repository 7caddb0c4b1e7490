//! Units, against examples that are computed by hand.

use serde_json::{Value, json};

use crate::harness::{ORDER, Proxy};

/// The units that a call was counted, with this answer.
async fn units(operation: &str, request: Value, status: u16, answer: Value) -> (u64, f64) {
    let proxy = Proxy::start().await;
    proxy.upstream.will_answer(status, &answer);
    proxy.dynamodb("a", operation, &request).await.unwrap();
    let call = proxy.last_call().await;
    (call["write_units"].as_u64().unwrap(), call["read_units"].as_f64().unwrap())
}

/// An item of exactly so many bytes: 2 for the key's name, 3 for the key, 1 for the other name.
fn item(bytes: usize) -> Value {
    json!({"pk": {"S": "abc"}, "d": {"S": "x".repeat(bytes - 6)}})
}

fn put(bytes: usize) -> Value {
    json!({"TableName": "t", "Item": item(bytes)})
}

fn failure(code: &str) -> Value {
    json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "m"})
}

#[tokio::test]
async fn a_put_costs_a_unit_for_every_kilobyte_begun() {
    for (bytes, cost) in [(6, 1), (1024, 1), (1025, 2), (10 * 1024 + 1, 11)] {
        assert_eq!(units("PutItem", put(bytes), 200, json!({})).await, (cost, 0.0), "{bytes}");
    }
}

#[tokio::test]
async fn a_write_over_a_larger_item_costs_that_items_size() {
    assert_eq!(units("PutItem", put(10), 200, json!({"Attributes": item(2049)})).await, (3, 0.0));
    let key = json!({"TableName": "t", "Key": {"pk": {"S": "abc"}}});
    assert_eq!(units("DeleteItem", key.clone(), 200, json!({})).await, (1, 0.0));
    assert_eq!(units("DeleteItem", key, 200, json!({"Attributes": item(1025)})).await, (2, 0.0));
}

#[tokio::test]
async fn an_update_costs_its_key_and_values_as_far_as_the_call_tells() {
    let update = |length: usize| {
        json!({
            "TableName": "t",
            "Key": {"pk": {"S": "abc"}},
            "UpdateExpression": "SET d = :d",
            "ExpressionAttributeValues": {":d": {"S": "x".repeat(length)}},
        })
    };
    assert_eq!(units("UpdateItem", update(1024 - 5), 200, json!({})).await, (1, 0.0));
    assert_eq!(units("UpdateItem", update(1025 - 5), 200, json!({})).await, (2, 0.0));
}

#[tokio::test]
async fn a_write_whose_condition_failed_costs_what_it_would_have_cost() {
    let failed = failure("ConditionalCheckFailedException");
    assert_eq!(units("PutItem", put(1025), 400, failed.clone()).await, (2, 0.0));
    let mut with_item = failed;
    with_item["Item"] = item(3000);
    assert_eq!(units("PutItem", put(1025), 400, with_item).await, (3, 0.0));
    assert_eq!(units("PutItem", put(1025), 400, failure("ValidationException")).await, (0, 0.0));
}

#[tokio::test]
async fn each_item_of_a_transaction_costs_double() {
    let put = |bytes: usize| json!({"Put": {"TableName": "t", "Item": item(bytes)}});
    let check = json!({"ConditionCheck": {"TableName": "t", "Key": {"pk": {"S": "abc"}}}});
    let request = json!({"TransactItems": [put(6), put(1025), check]});
    assert_eq!(units("TransactWriteItems", request.clone(), 200, json!({})).await, (2 + 4 + 2, 0.0));
    assert_eq!(units("TransactWriteItems", request, 400, failure("TransactionCanceledException")).await, (8, 0.0));
}

#[tokio::test]
async fn a_batch_of_writes_costs_each_item_for_itself() {
    let request = json!({"RequestItems": {"t": [
        {"PutRequest": {"Item": item(1025)}},
        {"PutRequest": {"Item": item(6)}},
        {"DeleteRequest": {"Key": {"pk": {"S": "abc"}}}},
    ]}});
    assert_eq!(units("BatchWriteItem", request, 200, json!({})).await, (2 + 1 + 1, 0.0));
}

#[tokio::test]
async fn a_read_costs_a_unit_for_every_four_kilobytes_begun_or_half_when_eventually_consistent() {
    let get = |consistent: bool| json!({"TableName": "t", "Key": {"pk": {"S": ORDER}}, "ConsistentRead": consistent});
    for (bytes, consistent, cost) in
        [(6, true, 1.0), (4096, true, 1.0), (4097, true, 2.0), (6, false, 0.5), (4097, false, 1.0), (8193, false, 1.5)]
    {
        assert_eq!(units("GetItem", get(consistent), 200, json!({"Item": item(bytes)})).await, (0, cost), "{bytes}");
    }
    assert_eq!(units("GetItem", get(true), 200, json!({})).await, (0, 1.0), "nothing there");
    assert_eq!(units("GetItem", get(false), 200, json!({})).await, (0, 0.5), "nothing there");
    assert_eq!(units("GetItem", get(true), 400, failure("ResourceNotFoundException")).await, (0, 0.0));
}

#[tokio::test]
async fn a_query_rounds_the_sum_of_its_items() {
    let query = |consistent: bool| json!({"TableName": "t", "ConsistentRead": consistent});
    let items = json!({"Items": [item(2048), item(2048), item(6)]});
    assert_eq!(units("Query", query(true), 200, items.clone()).await, (0, 2.0));
    assert_eq!(units("Query", query(false), 200, items).await, (0, 1.0));
    assert_eq!(units("Query", query(true), 200, json!({"Items": []})).await, (0, 1.0));
    assert_eq!(units("Query", query(false), 200, json!({"Items": []})).await, (0, 0.5));
}

#[tokio::test]
async fn a_batch_of_reads_rounds_each_item_and_counts_those_that_are_not_there() {
    let key = json!({"pk": {"S": "abc"}});
    let request = json!({"RequestItems": {
        "eventual": {"Keys": [key, key, key, key]},
        "strong": {"Keys": [key], "ConsistentRead": true},
    }});
    let answer = json!({
        "Responses": {"eventual": [item(4097), item(6)], "strong": [item(6)]},
        "UnprocessedKeys": {"eventual": {"Keys": [key]}},
    });
    assert_eq!(units("BatchGetItem", request, 200, answer).await, (0, 1.0 + 0.5 + 0.5 + 1.0));
}

#[tokio::test]
async fn a_transaction_of_reads_costs_double() {
    let get = json!({"Get": {"TableName": "t", "Key": {"pk": {"S": "abc"}}}});
    let answer = json!({"Responses": [{"Item": item(4097)}, {}]});
    assert_eq!(units("TransactGetItems", json!({"TransactItems": [get, get]}), 200, answer).await, (0, 4.0 + 2.0));
}

#[tokio::test]
async fn only_dynamodb_has_units() {
    let proxy = Proxy::start().await;
    proxy.aws_call("a", "AmazonSQS.SendMessage", &json!({"MessageBody": "m"})).await.unwrap();
    let call = proxy.last_call().await;
    assert_eq!((&call["write_units"], &call["read_units"]), (&Value::Null, &Value::Null));
}

"""Delivers everything that an order set off once more, twice and shuffled: stream records to their consumers, events to
every subscriber's queue. Prints what was delivered.
"""

import json
import random
import sys

import boto3

order_id, table, outputs = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
items = boto3.client("dynamodb").query(
    TableName=table, KeyConditionExpression="order_id = :id", ExpressionAttributeValues={":id": {"S": order_id}}, ConsistentRead=True
)["Items"]


def plain(value: dict):
    (kind, content), = value.items()
    match kind:
        case "S" | "BOOL":
            return content
        case "N":
            return int(content)
        case "NULL":
            return None
        case "L":
            return [plain(each) for each in content]
        case "M":
            return {name: plain(each) for name, each in content.items()}
    raise ValueError(kind)


records = [
    {
        "eventID": f"{order_id}-{item['sequence']['N']}",
        "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "eventVersion": "1.1",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "Keys": {"order_id": item["order_id"], "sequence": item["sequence"]},
            "NewImage": item,
            "SequenceNumber": item["sequence"]["N"],
            "SizeBytes": 1,
            "StreamViewType": "NEW_IMAGE",
        },
    }
    for item in items
] * 2
functions = boto3.client("lambda")
published = {type for types in outputs["taken"].values() for type in types}
for function in ("ProjectOrdersFunction", "PublishEventsFunction"):
    random.shuffle(records)
    wanted = records if function == "ProjectOrdersFunction" else [r for r in records if r["dynamodb"]["NewImage"]["type"]["S"] in published]
    answer = functions.invoke(FunctionName=outputs[function], Payload=json.dumps({"Records": wanted}).encode())
    if "FunctionError" in answer:
        sys.exit(f"{function}: {answer['Payload'].read().decode()}")
sqs = boto3.client("sqs")
events = [{name: plain(value) for name, value in item.items()} for item in items]
messages = [
    (queue, json.dumps({"detail": event}))
    for queue, types in outputs["taken"].items()
    for event in events * 2
    if event["type"] in types
]
random.shuffle(messages)
for queue, body in messages:
    sqs.send_message(QueueUrl=outputs[queue], MessageBody=body, DelaySeconds=0)
print(len(records), len(messages))

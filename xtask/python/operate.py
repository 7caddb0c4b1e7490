"""What xtask asks of AWS itself: local accounts and secrets, the catalogue, events that must come again.

It talks to the endpoint that AWS_ENDPOINT_URL names, else to AWS, and prints JSON.
"""

import argparse
import json
import pathlib
import re
import sys
import time

import boto3
import yaml
from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import ClientError

ROOT = pathlib.Path(__file__).resolve().parents[2]
PASSWORD = "Local-Only-Passw0rd!"
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
LOCAL_USERS = {
    "kareem": ("kareem@souk.example", "customer"),
    "amina": ("amina@souk.example", "customer"),
    "admin": ("admin@souk.example", "admin"),
}


def outputs(stack: str) -> dict[str, str]:
    found = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def prepare_local(stack: str) -> dict:
    """The one place for what the local AWS does not take from the template, and for accounts that only it has."""
    out = outputs(stack)
    use_gateway_responses(out["ApiId"])
    expire_items()
    secrets = {
        "StripeSecret": {"api_key": "sk_test_simulator", "webhook_secrets": ["whsec_simulator"]},
        "PaypalSecret": {"client_id": "simulator", "client_secret": "simulator-secret", "webhook_id": "WH-SIMULATOR"},
    }
    for name, value in secrets.items():
        boto3.client("secretsmanager").put_secret_value(SecretId=out[name], SecretString=json.dumps(value))
    return {"stack": out, "users": create_users(out["UserPoolId"]), "lambda_env": function_environment(out)}


def use_gateway_responses(api_id: str) -> None:
    """It ignores those of an OpenAPI document; they are in force after one more deployment."""
    api = boto3.client("apigateway")
    document = yaml.safe_load((ROOT / "openapi.yaml").read_text())
    for kind, response in document["x-amazon-apigateway-gateway-responses"].items():
        status = {"statusCode": response["statusCode"]} if "statusCode" in response else {}
        api.put_gateway_response(
            restApiId=api_id,
            responseType=kind,
            responseParameters=response["responseParameters"],
            responseTemplates=response["responseTemplates"],
            **status,
        )
    api.create_deployment(restApiId=api_id, stageName="local")


def expire_items() -> None:
    """It stores a table's time to live without using it, until it is asked again."""
    template = (ROOT / "template.yaml").read_text()
    tables = re.findall(r"^  (\w+):\n    Type: AWS::DynamoDB::Table\n(?:.*\n)*?      TimeToLiveSpecification: \{ AttributeName: (\w+)", template, re.M)
    dynamodb = boto3.client("dynamodb")
    for name in dynamodb.list_tables()["TableNames"]:
        for resource, attribute in tables:
            if f"-{resource}-" in name:
                dynamodb.update_time_to_live(
                    TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": attribute}
                )


def create_users(pool: str) -> dict:
    cognito = boto3.client("cognito-idp")
    for name, (email, group) in LOCAL_USERS.items():
        attributes = [
            {"Name": "email", "Value": email},
            {"Name": "email_verified", "Value": "true"},
            {"Name": "given_name", "Value": name.capitalize()},
        ]
        try:
            cognito.admin_create_user(UserPoolId=pool, Username=email, UserAttributes=attributes, MessageAction="SUPPRESS")
        except cognito.exceptions.UsernameExistsException:
            pass
        cognito.admin_set_user_password(UserPoolId=pool, Username=email, Password=PASSWORD, Permanent=True)
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=email, GroupName=group)
    return {name: {"username": email, "password": PASSWORD} for name, (email, _) in LOCAL_USERS.items()}


def function_environment(out: dict[str, str]) -> dict[str, str]:
    """Every function's variables together: what `cargo lambda watch` gives to all of them."""
    functions = boto3.client("lambda")
    variables: dict[str, str] = {}
    for key, name in out.items():
        if key.endswith("Function"):
            configuration = functions.get_function_configuration(FunctionName=name)
            variables |= configuration.get("Environment", {}).get("Variables", {})
    return variables


def seed(stack: str) -> dict:
    """Puts the catalogue, and stocks what was never stocked. A repeat changes prices and texts, never stock."""
    out = outputs(stack)
    dynamodb = boto3.client("dynamodb")
    serialize = TypeSerializer().serialize
    products = json.loads((ROOT / "catalogue" / "products.json").read_text())
    for product in products:
        stock = product.pop("stock")
        item = {name: serialize(value) for name, value in product.items()}
        dynamodb.put_item(TableName=out["ProductsTable"], Item=item)
        level = {"sku": product["sku"], "stocked": stock, "available": stock}
        try:
            dynamodb.put_item(
                TableName=out["InventoryTable"],
                Item={name: serialize(value) for name, value in level.items()},
                ConditionExpression="attribute_not_exists(sku)",
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            pass
    return {"products": len(products)}


def upload_page(stack: str, config: str) -> dict:
    """Puts the page and its configuration into the web bucket, and drops what CloudFront kept of it."""
    out = outputs(stack)
    s3 = boto3.client("s3")
    files = sorted(path for path in (ROOT / "web").rglob("*") if path.is_file())
    for path in files:
        kind = CONTENT_TYPES.get(path.suffix, "application/octet-stream")
        s3.upload_file(str(path), out["WebBucket"], str(path.relative_to(ROOT / "web")), ExtraArgs={"ContentType": kind})
    s3.upload_file(config, out["WebBucket"], "config.json", ExtraArgs={"ContentType": "application/json", "CacheControl": "no-cache"})
    boto3.client("cloudfront").create_invalidation(
        DistributionId=out["WebDistribution"],
        InvalidationBatch={"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": str(time.time_ns())},
    )
    return {"files": len(files) + 1}


def republish(stack: str, order_id: str) -> dict:
    """Brings every event of an order to publish-events again, as the stream did."""
    out = outputs(stack)
    dynamodb = boto3.client("dynamodb")
    pages = dynamodb.get_paginator("query").paginate(
        TableName=out["OrderEventsTable"],
        KeyConditionExpression="order_id = :id",
        ExpressionAttributeValues={":id": {"S": order_id}},
        ConsistentRead=True,
    )
    events = [item for page in pages for item in page["Items"]]
    if not events:
        sys.exit(f"there is no order {order_id} in {stack}")
    pattern = subscribed_types()
    records = [
        {
            "eventID": f"{order_id}-{item['sequence']['N']}",
            "eventName": "INSERT",
            "eventSource": "aws:dynamodb",
            "eventVersion": "1.1",
            "awsRegion": boto3.session.Session().region_name,
            "dynamodb": {
                "ApproximateCreationDateTime": int(time.time()),
                "Keys": {"order_id": item["order_id"], "sequence": item["sequence"]},
                "NewImage": item,
                "SequenceNumber": item["sequence"]["N"],
                "SizeBytes": 1,
                "StreamViewType": "NEW_IMAGE",
            },
        }
        for item in events
        if item["type"]["S"] in pattern
    ]
    answer = boto3.client("lambda").invoke(
        FunctionName=out["PublishEventsFunction"], Payload=json.dumps({"Records": records}).encode()
    )
    if "FunctionError" in answer:
        sys.exit(f"publish-events failed: {answer['Payload'].read().decode()}")
    return {"order_id": order_id, "events": len(events), "published": [record["dynamodb"]["NewImage"]["type"]["S"] for record in records]}


def subscribed_types() -> list[str]:
    """The event types that publish-events takes from the stream."""
    template = (ROOT / "template.yaml").read_text()
    pattern = re.search(r"Pattern: '(\{\"eventName\":\[\"INSERT\"\],\"dynamodb\".*?\})'", template)
    return json.loads(pattern.group(1))["dynamodb"]["NewImage"]["type"]["S"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["outputs", "prepare-local", "seed", "upload-page", "republish"])
    parser.add_argument("--stack", required=True)
    parser.add_argument("--order-id")
    parser.add_argument("--config")
    arguments = parser.parse_args()
    actions = {
        "outputs": lambda: outputs(arguments.stack),
        "prepare-local": lambda: prepare_local(arguments.stack),
        "seed": lambda: seed(arguments.stack),
        "upload-page": lambda: upload_page(arguments.stack, arguments.config),
        "republish": lambda: republish(arguments.stack, arguments.order_id),
    }
    try:
        print(json.dumps(actions[arguments.action]()))
    except ClientError as error:
        sys.exit(f"AWS refused: {error}")


if __name__ == "__main__":
    main()

"""What xtask asks of AWS itself: local accounts and secrets, the catalogue, and what an operator looks at and brings back.

It talks to the endpoint that AWS_ENDPOINT_URL names, else to AWS, and prints JSON.
"""

import argparse
import datetime
import json
import pathlib
import re
import sys
import time

import boto3
import yaml
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.config import Config
from botocore.exceptions import ClientError

ROOT = pathlib.Path(__file__).resolve().parents[2]
PASSWORD = "Local-Only-Passw0rd!"
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# Longer than reconcile-money may take.
RECONCILE_WAIT = 910
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
        api.put_gateway_response(
            restApiId=api_id,
            responseType=kind,
            responseParameters=response["responseParameters"],
            responseTemplates=response["responseTemplates"],
            statusCode=response["statusCode"],
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
        s3.upload_file(str(path), out["WebBucket"], str(path.relative_to(ROOT / "web")), ExtraArgs={"ContentType": kind, "CacheControl": "no-cache"})
    s3.upload_file(config, out["WebBucket"], "config.json", ExtraArgs={"ContentType": "application/json", "CacheControl": "no-cache"})
    boto3.client("cloudfront").create_invalidation(
        DistributionId=out["WebDistribution"],
        InvalidationBatch={"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": str(time.time_ns())},
    )
    return {"files": len(files) + 1}


# ── Orders and their events ─────────────────────────────────────────────────────────────────────────────────────────────


def stored_events(out: dict[str, str], order_id: str) -> list[dict]:
    """An order's events as they are stored, oldest first."""
    pages = boto3.client("dynamodb").get_paginator("query").paginate(
        TableName=out["OrderEventsTable"],
        KeyConditionExpression="order_id = :id",
        ExpressionAttributeValues={":id": {"S": order_id}},
        ConsistentRead=True,
    )
    return [item for page in pages for item in page["Items"]]


def known_events(stack: str, out: dict[str, str], order_id: str) -> list[dict]:
    """As `stored_events`, of an order that there is."""
    return stored_events(out, order_id) or sys.exit(f"there is no order {order_id} in {stack}")


def plain(item: dict) -> dict:
    """An item as Python values; its numbers as integers."""
    deserialize = TypeDeserializer().deserialize
    return json.loads(json.dumps({name: deserialize(value) for name, value in item.items()}, default=int))


def record(item: dict) -> dict:
    """An event as the stream brings it."""
    return {
        "eventID": f"{item['order_id']['S']}-{item['sequence']['N']}",
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


class FunctionFailed(Exception):
    """A function answered with an error."""


def invoke(function: str, payload: dict, seconds: int = 60):
    """Calls a function once and answers what it answered."""
    client = boto3.client("lambda", config=Config(read_timeout=seconds, tcp_keepalive=True, retries={"total_max_attempts": 1}))
    answer = client.invoke(FunctionName=function, Payload=json.dumps(payload).encode())
    body = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer:
        raise FunctionFailed(": ".join(str(body[part]) for part in ("errorType", "errorMessage") if body.get(part)))
    return body


def republish(stack: str, order_id: str) -> dict:
    """Brings every event of an order to publish-events again, as the stream did."""
    out = outputs(stack)
    events = known_events(stack, out, order_id)
    wanted = subscribed_types()
    records = [record(item) for item in events if item["type"]["S"] in wanted]
    invoke(out["PublishEventsFunction"], {"Records": records})
    return {"order_id": order_id, "events": len(events), "published": len(records)}


def order(stack: str, order_id: str) -> dict:
    """Where an order stands: its events, its row in the customer's list, what it owes, and who is at it."""
    out = outputs(stack)
    events = [plain(item) for item in known_events(stack, out, order_id)]
    # An order whose events cannot be read is looked at, too.
    customer_id = (events[0].get("data") or {}).get("customer_id")
    row = None
    if customer_id:
        found = boto3.client("dynamodb").query(
            TableName=out["CustomerOrdersTable"],
            KeyConditionExpression="customer_id = :customer",
            FilterExpression="order_id = :id",
            ExpressionAttributeValues={":customer": {"S": customer_id}, ":id": {"S": order_id}},
        )
        row = next((plain(item) for item in found["Items"]), None)
    try:
        plan = looked_at(out, order_id)
    except FunctionFailed as failure:
        plan = {"failure": str(failure)}
    for event in events:
        (event.get("data") or {}).pop("fingerprint", None)
    started = settlements(out, order_id, began(events[0].get("at")))
    return {"order_id": order_id, "events": events, "row": row, "plan": plan, "settlements": started}


def open_orders(stack: str) -> dict:
    """Orders that wait for something, and those whose settlement failed within a week; oldest first."""
    out = outputs(stack)
    pages = boto3.client("dynamodb").get_paginator("scan").paginate(
        TableName=out["CustomerOrdersTable"],
        FilterExpression="#status IN (:pending, :later, :confirmed)",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":pending": {"S": "pending"}, ":later": {"S": "payment_pending"}, ":confirmed": {"S": "confirmed"}},
    )
    rows = {item["order_id"]["S"]: plain(item) for page in pages for item in page["Items"]}
    found = {order_id: {"order_id": order_id, "placed_at": row["placed_at"], "status": row["status"]} for order_id, row in rows.items()}
    states = boto3.client("stepfunctions")
    week_ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=7)
    for status in ("RUNNING", "FAILED", "TIMED_OUT", "ABORTED"):
        executions = states.list_executions(stateMachineArn=out["SettlementStateMachine"], statusFilter=status, maxResults=200)
        for execution in executions["executions"]:
            order_id = execution["name"][:36]  # `ord_` and 32 digits; the rest says who started it.
            if status != "RUNNING" and (execution["startDate"] < week_ago or order_id not in found and is_closed(out, order_id)):
                continue
            entry = found.setdefault(order_id, {"order_id": order_id})
            if "settlement" not in entry:
                entry |= {"settlement": status, "since": stamp(execution["startDate"])}
    return {"orders": sorted(found.values(), key=lambda entry: entry.get("placed_at") or entry["since"])}


def looked_at(out: dict[str, str], order_id: str) -> dict:
    """What an operator's settlement would do now. Nothing is written."""
    return invoke(out["PlanSettlementFunction"], {"order_id": order_id, "by_hand": True, "dry_run": True})


def is_closed(out: dict[str, str], order_id: str) -> bool:
    try:
        return looked_at(out, order_id)["is_closed"]
    except FunctionFailed:
        return False


def settlements(out: dict[str, str], order_id: str, since: datetime.datetime) -> list[dict]:
    """The order's executions, newest first."""
    states = boto3.client("stepfunctions")
    found = []
    pages = states.get_paginator("list_executions").paginate(stateMachineArn=out["SettlementStateMachine"])
    for execution in (execution for page in pages for execution in page["executions"]):
        if execution["startDate"] < since:
            break  # They come newest first.
        if not execution["name"].startswith(order_id):
            continue
        told = {"name": execution["name"], "status": execution["status"], "started": stamp(execution["startDate"])}
        if execution["status"] == "RUNNING":
            told["now"] = state_of(states, execution["executionArn"])
        elif execution["status"] != "SUCCEEDED":
            ended = states.describe_execution(executionArn=execution["executionArn"])
            told["now"] = " ".join(ended[part] for part in ("error", "cause") if ended.get(part))
        found.append(told)
    return found


def state_of(states, arn: str) -> str:
    """The state that a running execution entered last."""
    history = states.get_execution_history(executionArn=arn, reverseOrder=True, maxResults=25)["events"]
    entered = (event["stateEnteredEventDetails"]["name"] for event in history if "stateEnteredEventDetails" in event)
    return next(entered, "")


def stamp(at: datetime.datetime) -> str:
    return at.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> datetime.datetime:
    """An RFC 3339 time in UTC, to the second."""
    return datetime.datetime.fromisoformat(f"{text[:19]}+00:00")


def began(placed_at: str | None) -> datetime.datetime:
    """A little before an order was placed: nothing is told of it from before. Long ago, when its time cannot be read."""
    try:
        return moment(placed_at or "") - datetime.timedelta(minutes=5)
    except ValueError:
        return datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=90)


def logs(stack: str, order_id: str) -> dict:
    """What functions logged of an order, oldest first."""
    out = outputs(stack)
    placed = plain(known_events(stack, out, order_id)[0])
    since = int(began(placed.get("at")).timestamp()) * 1000
    pages = boto3.client("logs").get_paginator("filter_log_events").paginate(
        logGroupName=out["FunctionLogs"], filterPattern=f'"{order_id}"', startTime=since
    )
    return {"lines": [event["message"].rstrip() for page in pages for event in page["events"]]}


def settle(stack: str, order_id: str) -> dict:
    """Starts a settlement. One more beside others is harmless."""
    out = outputs(stack)
    known_events(stack, out, order_id)
    name = f"{order_id}-operator-{int(time.time() * 1000)}"
    boto3.client("stepfunctions").start_execution(
        stateMachineArn=out["SettlementStateMachine"], name=name, input=json.dumps({"order_id": order_id, "by_hand": True})
    )
    return {"order_id": order_id, "execution": name}


# ── Money and providers ─────────────────────────────────────────────────────────────────────────────────────────────────


def reconcile(stack: str, last: bool) -> dict:
    """Compares the providers' books with ours now, or answers the last report."""
    out = outputs(stack)
    if not last:
        try:
            report = invoke(out["ReconcileMoneyFunction"], {}, seconds=RECONCILE_WAIT)
        except FunctionFailed as failure:
            sys.exit(f"nothing was reconciled: {failure}")
        return {**report, "key": f"s3://{out['ReportsBucket']}/money/{report['at']}.json"}
    s3 = boto3.client("s3")
    week_ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=7)
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=out["ReportsBucket"], Prefix="money/", StartAfter=f"money/{stamp(week_ago)}"
    )
    # A key is the report's time, so the last key is the last report.
    keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
    if not keys:
        sys.exit("there is no report of the last seven days")
    report = json.loads(s3.get_object(Bucket=out["ReportsBucket"], Key=keys[-1])["Body"].read())
    return {**report, "key": f"s3://{out['ReportsBucket']}/{keys[-1]}"}


def breaker(stack: str, close: str | None) -> dict:
    """The providers' health; after one of them was called well, if asked to."""
    out = outputs(stack)
    table = boto3.resource("dynamodb").Table(out["ProviderHealthTable"])
    if close:
        close_breaker(table, close)
    now = time.time() * 1000
    rows = {row["provider"]: row for row in table.scan(ConsistentRead=True)["Items"]}
    told = []
    for provider in ("stripe", "paypal"):
        row = rows.get(provider, {})
        opened, probe = row.get("opened_at"), row.get("probe")
        told.append(
            {
                "provider": provider,
                "open_seconds": int((now - int(opened)) / 1000) if opened is not None else None,
                "failures": len(row.get("failed_at") or []),
                "probed": bool(probe and int(probe["until"]) > now),
            }
        )
    return {"closed": close, "providers": told}


def close_breaker(table, provider: str) -> None:
    """Writes the row's next version, on the condition that it is the next, as every other write of it; whoever was faster
    is read again."""
    for _ in range(20):
        row = table.get_item(Key={"provider": provider}, ConsistentRead=True).get("Item")
        if not row:
            return
        well = {"provider": provider, "version": row["version"] + 1, "failed_at": [], "opened_at": None, "probe": None}
        try:
            table.put_item(
                Item=well, ConditionExpression="version = :version", ExpressionAttributeValues={":version": row["version"]}
            )
            return
        except table.meta.client.exceptions.ConditionalCheckFailedException:
            continue
    sys.exit(f"others kept writing the health of {provider}: run the command again")


# ── Dead letters ────────────────────────────────────────────────────────────────────────────────────────────────────────

# Each queue's output, and where its letters go back to: a queue's own to that queue, a stream consumer's to its function.
DEAD_LETTERS = {
    "send-email": ("SendEmailDeadLetters", "SendEmailQueue"),
    "capture-payment": ("CapturePaymentDeadLetters", "CapturePaymentQueue"),
    "guard": ("GuardDeadLetters", "GuardQueue"),
    "publish-events": ("PublishEventsDeadLetters", "PublishEventsFunction"),
    "project-orders": ("ProjectOrdersDeadLetters", "ProjectOrdersFunction"),
}
# A run takes so many, which fit into the time for which it hides them.
MOST_LETTERS = 500
HIDDEN_SECONDS = 900


class Stays(Exception):
    """A letter cannot be brought back, and why."""


class Letter:
    """A dead letter: what it is about, and whose it was."""

    def __init__(self, message: dict):
        self.message_id, self.id = message["MessageId"], message["MessageId"].split("-")[0]
        self.receipt, self.text = message["ReceiptHandle"], message["Body"]
        self.sent = datetime.datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, datetime.timezone.utc)
        try:
            body = json.loads(self.text)
        except ValueError:
            body = None
        self.body = body if isinstance(body, dict) else {}
        detail = self.body.get("detail")
        event = detail if isinstance(detail, dict) else self.body
        self.order_id, self.sequence = event.get("order_id"), event.get("sequence")
        # A queue's consumer says why in an attribute, EventBridge in its own; of a message that SQS put away since its function
        # was killed each time, nobody can.
        said = message.get("MessageAttributes", {})
        attributes = (said.get(name, {}).get("StringValue") for name in ("reason", "ERROR_MESSAGE"))
        self.reason = self.body.get("reason") or next(filter(None, attributes), None)
        self.batch = self.body.get("DDBStreamBatchInfo")
        self.is_event = isinstance(detail, dict)
        if self.is_event:
            self.type = detail.get("type")
        elif self.batch:
            self.type = "a batch of the stream"
        else:
            self.type = "a guard" if "execution" in self.body else None

    def told(self, done: str, stays: bool) -> dict:
        return {
            "letter": self.id,
            "since": stamp(self.sent),
            "order_id": self.order_id,
            "sequence": self.sequence,
            "type": self.type,
            "reason": self.reason,
            "done": done,
            "stays": stays,
        }


class DeadLetters:
    """A dead-letter queue, and what its letters are brought back to."""

    def __init__(self, stack: str, queue: str):
        self.out, self.queue = outputs(stack), queue
        source, self.destination = DEAD_LETTERS[queue]
        self.url, self.goes_to_queue = self.out[source], not self.destination.endswith("Function")
        self.sqs = boto3.client("sqs")

    def take(self, order_id: str | None) -> list[Letter]:
        """Every letter, hidden from others for a while; with an order's id, those that may concern it."""
        letters: dict[str, Letter] = {}
        while len(letters) < MOST_LETTERS:
            received = self.sqs.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=HIDDEN_SECONDS,
                WaitTimeSeconds=1,
                MessageAttributeNames=["All"],
                AttributeNames=["SentTimestamp"],
            ).get("Messages", [])
            if not received:
                break
            letters |= {message["MessageId"]: Letter(message) for message in received}
        others = [letter for letter in letters.values() if order_id and letter.order_id != order_id]
        self.give_back(others)
        return [letter for letter in letters.values() if letter not in others]

    def give_back(self, letters: list[Letter]) -> None:
        for letter in letters:
            self.sqs.change_message_visibility(QueueUrl=self.url, ReceiptHandle=letter.receipt, VisibilityTimeout=0)

    def delete(self, letter: Letter) -> None:
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=letter.receipt)

    def events_about(self, letter: Letter) -> list[dict]:
        """The stored events that the letter is about."""
        if letter.batch:
            return self.events_between(letter.batch) or stays("no event was written when this batch was")
        if not isinstance(letter.order_id, str):
            stays("it names no order")
        events = stored_events(self.out, letter.order_id) or stays("there is no such order")
        if letter.sequence is None:
            return events
        return [item for item in events if int(item["sequence"]["N"]) == letter.sequence] or stays("there is no such event of its order")

    def events_between(self, batch: dict) -> list[dict]:
        """The events of a batch that Lambda gave up. The stream has forgotten them after a day, so they are found by their
        time, which is a little before their arrival: too many are harmless."""
        first, last = (moment(batch[f"approximateArrivalOf{which}Record"]) for which in ("First", "Last"))
        pages = boto3.client("dynamodb").get_paginator("scan").paginate(
            TableName=self.out["OrderEventsTable"],
            FilterExpression="#at BETWEEN :from AND :to",
            ExpressionAttributeNames={"#at": "at"},
            ExpressionAttributeValues={
                ":from": {"S": stamp(first - datetime.timedelta(minutes=1))},
                ":to": {"S": stamp(last + datetime.timedelta(seconds=5))},
            },
        )
        return [item for page in pages for item in page["Items"]]

    def bring_back(self, letter: Letter, dry_run: bool) -> str:
        """To the queue or the function that it was for. A crash on the way brings it back twice, which is harmless."""
        events = self.events_about(letter)
        if self.goes_to_queue:
            body = letter.text
            if self.queue == "guard" and letter.reason and not letter.is_event:
                body = json.dumps({"order_id": letter.order_id})
            elif not letter.is_event and self.queue != "guard":
                stays("it holds no event")
            if not dry_run:
                self.sqs.send_message(QueueUrl=self.out[self.destination], MessageBody=body)
            return "back in its queue"
        if self.queue == "publish-events":
            wanted = subscribed_types()
            events = [item for item in events if item["type"]["S"] in wanted]
            done = f"{len(events)} published again" if len(events) != 1 else "published again"
        else:
            # The function loads the order itself: any of its events will do.
            events = list({item["order_id"]["S"]: item for item in events}.values())
            done = f"{len(events)} orders projected again" if len(events) != 1 else "projected again"
        if not dry_run:
            for some in (events[first : first + 25] for first in range(0, len(events), 25)):
                invoke(self.out[self.destination], {"Records": [record(item) for item in some]})
        return done


def stays(reason: str):
    raise Stays(reason)


def redrive(stack: str, queue: str, order_id: str | None, dry_run: bool) -> dict:
    """Brings dead letters back to where they were to go. What cannot be brought back stays."""
    dead_letters = DeadLetters(stack, queue)
    letters = dead_letters.take(order_id)
    told, kept, done = [], [], {}
    for letter in letters:
        try:
            what = dead_letters.bring_back(letter, dry_run)
        except (Stays, FunctionFailed, ClientError) as failure:
            told.append(letter.told(f"stays: {failure}", True))
            kept.append(letter)
            continue
        if dry_run:
            told.append(letter.told(f"dry run: {what}", False))
            kept.append(letter)
        else:
            dead_letters.delete(letter)
            told.append(letter.told(what, False))
            done[letter.order_id, letter.sequence] = told[-1]
    dead_letters.give_back(kept)
    if done and not dead_letters.goes_to_queue:
        told += came_back(dead_letters, order_id, {letter.message_id for letter in kept}, done)
    return {"letters": told, "more": len(letters) >= MOST_LETTERS}


def discard(stack: str, queue: str, letter_id: str) -> dict:
    """Deletes one letter that nothing can be done with."""
    dead_letters = DeadLetters(stack, queue)
    letters = dead_letters.take(None)
    chosen = [letter for letter in letters if letter.id == letter_id]
    for letter in chosen:
        dead_letters.delete(letter)
    dead_letters.give_back([letter for letter in letters if letter not in chosen])
    if not chosen:
        sys.exit(f"there is no letter {letter_id} among the dead letters of {queue}")
    return {"letters": [letter.told("discarded", False) for letter in chosen], "more": False}


def came_back(dead_letters: DeadLetters, order_id: str | None, kept: set[str], done: dict) -> list[dict]:
    """A stream consumer that still cannot work on an event says that it is done and puts another letter, at once. Marks what was
    brought back in vain, and answers the letters that are new."""
    letters = dead_letters.take(order_id)
    dead_letters.give_back(letters)
    new = []
    for letter in letters:
        if letter.message_id in kept:
            continue
        entry = done.get((letter.order_id, letter.sequence)) if letter.order_id else None
        if entry:
            entry |= {"letter": letter.id, "reason": letter.reason, "done": "came back", "stays": True}
        else:
            new.append(letter.told("is new", True))
    return new


def subscribed_types() -> list[str]:
    """The event types that publish-events takes from the stream."""
    template = (ROOT / "template.yaml").read_text()
    pattern = re.search(r"Pattern: '(\{\"eventName\":\[\"INSERT\"\],\"dynamodb\".*?\})'", template[template.index("  PublishEventsFunction:") :])
    return json.loads(pattern.group(1))["dynamodb"]["NewImage"]["type"]["S"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action")
    parser.add_argument("--stack", required=True)
    parser.add_argument("--order-id")
    parser.add_argument("--config")
    parser.add_argument("--queue", choices=list(DEAD_LETTERS))
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--letter")
    parser.add_argument("--last", action="store_true")
    parser.add_argument("--close")
    given = parser.parse_args()
    actions = {
        "outputs": lambda: outputs(given.stack),
        "prepare-local": lambda: prepare_local(given.stack),
        "seed": lambda: seed(given.stack),
        "upload-page": lambda: upload_page(given.stack, given.config),
        "republish": lambda: republish(given.stack, given.order_id),
        "orders": lambda: open_orders(given.stack),
        "order": lambda: order(given.stack, given.order_id),
        "logs": lambda: logs(given.stack, given.order_id),
        "settle": lambda: settle(given.stack, given.order_id),
        "reconcile": lambda: reconcile(given.stack, given.last),
        "breaker": lambda: breaker(given.stack, given.close),
        "redrive": lambda: redrive(given.stack, given.queue, given.order_id, given.dry_run),
        "discard": lambda: discard(given.stack, given.queue, given.letter),
    }
    if given.action not in actions:
        parser.error(f"no such action: {given.action}; one of {', '.join(actions)}")
    try:
        print(json.dumps(actions[given.action]()))
    except ClientError as error:
        sys.exit(f"AWS refused: {error}")
    except FunctionFailed as error:
        sys.exit(f"the function failed: {error}")


if __name__ == "__main__":
    main()

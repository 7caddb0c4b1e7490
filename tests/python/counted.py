"""Prints what a shop has counted so far: invocations, executions, log lines, and which events each rule takes."""

import datetime
import json
import sys

import boto3


def functions() -> dict[str, dict]:
    """By the name that a function gives itself in its calls."""
    pages = boto3.client("lambda").get_paginator("list_functions").paginate()
    found = {}
    for function in (function for page in pages for function in page["Functions"]):
        name = function.get("Environment", {}).get("Variables", {}).get("AWS_SDK_UA_APP_ID")
        if name:
            found[name] = {"resource": function["FunctionName"], "memory_mb": function["MemorySize"], "invocations": 0}
    count_invocations(found)
    return found


def count_invocations(found: dict[str, dict]) -> None:
    now = datetime.datetime.now(datetime.timezone.utc)
    day = 86_400
    queries = [
        {
            "Id": f"f{index}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/Lambda",
                    "MetricName": "Invocations",
                    "Dimensions": [{"Name": "FunctionName", "Value": function["resource"]}],
                },
                "Period": day,
                "Stat": "Sum",
            },
        }
        for index, function in enumerate(found.values())
    ]
    start, end = now - datetime.timedelta(seconds=day), now + datetime.timedelta(seconds=day)
    results = boto3.client("cloudwatch").get_metric_data(MetricDataQueries=queries, StartTime=start, EndTime=end)
    by_id = {result["Id"]: int(sum(result["Values"])) for result in results["MetricDataResults"]}
    for index, function in enumerate(found.values()):
        function["invocations"] = by_id.get(f"f{index}", 0)


def executions() -> dict[str, dict]:
    client = boto3.client("stepfunctions")
    found = {}
    for machine in client.list_state_machines()["stateMachines"]:
        kind = client.describe_state_machine(stateMachineArn=machine["stateMachineArn"])["type"]
        pages = client.get_paginator("list_executions").paginate(stateMachineArn=machine["stateMachineArn"])
        for arn in (execution["executionArn"] for page in pages for execution in page["executions"]):
            history = client.get_paginator("get_execution_history").paginate(executionArn=arn, includeExecutionData=True)
            events = [event for page in history for event in page["events"]]
            found[arn] = {"kind": kind, "events": [summary(event) for event in events]}
    return found


def summary(event: dict) -> dict:
    """What kind of event it is, and how long it would be as a line in the workflow's log."""
    return {"type": event["type"], "bytes": len(json.dumps(event, default=str, separators=(",", ":")).encode())}


def logs() -> dict[str, list[str]]:
    """The lines of each stream; a stream is one invocation's."""
    client = boto3.client("logs")
    found: dict[str, list[str]] = {}
    for group in client.describe_log_groups()["logGroups"]:
        pages = client.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
        for event in (event for page in pages for event in page["events"]):
            found.setdefault(f"{group['logGroupName']} {event['logStreamName']}", []).append(event["message"])
    return found


def rules() -> dict[str, dict]:
    """Which events go to which queue."""
    client = boto3.client("events")
    found = {}
    for bus in (bus["Name"] for bus in client.list_event_buses()["EventBuses"] if bus["Name"] != "default"):
        for rule in client.list_rules(EventBusName=bus)["Rules"]:
            targets = client.list_targets_by_rule(Rule=rule["Name"], EventBusName=bus)["Targets"]
            found[rule["Name"]] = {
                "types": json.loads(rule["EventPattern"])["detail-type"],
                "queues": [target["Arn"].rsplit(":", 1)[1] for target in targets],
            }
    return found


json.dump({"functions": functions(), "executions": executions(), "logs": logs(), "rules": rules()}, sys.stdout)

"""Prints what a shop has counted so far: invocations, executions, log lines, and which events each rule takes."""

import json
import os
import re
import sys

import boto3


def functions() -> dict[str, dict]:
    """By the name that a function gives itself in its calls."""
    pages = boto3.client("lambda").get_paginator("list_functions").paginate()
    polled = polled_batches()
    found = {}
    for function in (function for page in pages for function in page["Functions"]):
        name = function.get("Environment", {}).get("Variables", {}).get("AWS_SDK_UA_APP_ID")
        if name:
            batches = polled.get(function["FunctionName"], 0)
            found[name] = {"memory_mb": function["MemorySize"], "batches": batches}
    return found


def polled_batches() -> dict[str, int]:
    """The batches that the local AWS says it took from queues and streams, each one invocation, by function."""
    text = open(os.environ["SOUK_LOCAL_AWS_LOG"], encoding="utf-8", errors="replace").read()
    found: dict[str, int] = {}
    for function in re.findall(r"ESM: Lambda (\S+) processed \d+ ", text):
        found[function] = found.get(function, 0) + 1
    return found


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
    """What kind of event it is, and the state that it enters, if it enters one."""
    return {"type": event["type"], "state": event.get("stateEnteredEventDetails", {}).get("name")}


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

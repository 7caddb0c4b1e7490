"""Prints all that a run recorded: every log group's lines, every execution's history, every event."""

import json
import sys

import boto3


def logs() -> dict[str, list[str]]:
    client = boto3.client("logs")
    recorded = {}
    for group in client.describe_log_groups()["logGroups"]:
        name = group["logGroupName"]
        pages = client.get_paginator("filter_log_events").paginate(logGroupName=name)
        recorded[name] = [event["message"] for page in pages for event in page["events"]]
    return recorded


def executions() -> list[dict]:
    client = boto3.client("stepfunctions")
    recorded = []
    for machine in client.list_state_machines()["stateMachines"]:
        try:
            listed = client.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
        except client.exceptions.ClientError:
            # Express executions have no history but their logs.
            continue
        for execution in listed:
            recorded.append(client.describe_execution(executionArn=execution["executionArn"]))
            recorded.append(client.get_execution_history(executionArn=execution["executionArn"], includeExecutionData=True))
    return recorded


def events(table: str) -> list[dict]:
    pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName=table)
    return [item for page in pages for item in page["Items"]]


json.dump({"logs": logs(), "executions": executions(), "events": events(sys.argv[1])}, sys.stdout, default=str)

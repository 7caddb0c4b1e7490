"""All that a run recorded: every log group's lines, every execution and its history, every event. Prints it as JSON."""

import json
import sys
from collections.abc import Iterator

import boto3

# The local AWS gives no more lines at once, and no token for those behind them.
PAGE = 10000


def logs() -> Iterator[tuple[str, str]]:
    """Every line with its group. Some lines come twice: a page begins at the time of the last line before it."""
    client = boto3.client("logs")
    for page in client.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            yield from ((group["logGroupName"], line) for line in lines(client, group["logGroupName"]))


def lines(client, group: str) -> Iterator[str]:
    start = 0
    while True:
        events = client.filter_log_events(logGroupName=group, startTime=start, limit=PAGE)["events"]
        yield from (event["message"] for event in events)
        if len(events) < PAGE:
            return
        last = events[-1]["timestamp"]
        if last == start:
            sys.exit(f"{group} has more than {PAGE} lines of one millisecond")
        start = last


def executions() -> Iterator[dict]:
    client = boto3.client("stepfunctions")
    for machine in client.list_state_machines()["stateMachines"]:
        # AWS tells nothing of Express executions but their logs; the local AWS has no such logs, and tells all.
        pages = client.get_paginator("list_executions").paginate(stateMachineArn=machine["stateMachineArn"])
        for execution in [execution for page in pages for execution in page["executions"]]:
            yield client.describe_execution(executionArn=execution["executionArn"])
            history = client.get_paginator("get_execution_history")
            yield from history.paginate(executionArn=execution["executionArn"], includeExecutionData=True)


def events(table: str) -> Iterator[dict]:
    for page in boto3.client("dynamodb").get_paginator("scan").paginate(TableName=table):
        yield from page["Items"]


if __name__ == "__main__":
    everything = {"logs": list(logs()), "executions": list(executions()), "events": list(events(sys.argv[1]))}
    json.dump(everything, sys.stdout, default=str)

"""Starts two executions of each of these state machines on one order, at once."""

import json
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor

import boto3

order_id, *machines = sys.argv[1:]
client = boto3.client("stepfunctions")


def start(machine: str) -> None:
    client.start_execution(stateMachineArn=machine, name=f"{order_id}-{uuid.uuid4()}", input=json.dumps({"order_id": order_id}))


with ThreadPoolExecutor(4) as pool:
    list(pool.map(start, machines * 2))

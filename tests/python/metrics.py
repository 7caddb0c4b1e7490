"""How often the functions have counted something, by provider: `metrics.py <their log group> <metric>`."""

import json
import sys
from collections import Counter

import boto3


def counted(group: str, metric: str) -> Counter:
    """What no provider is named with is under an empty name."""
    found: Counter = Counter()
    pages = boto3.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group, filterPattern=f'"{metric}"')
    for event in (event for page in pages for event in page["events"]):
        if "CloudWatchMetrics" in event["message"]:
            line = json.loads(event["message"])
            found[line.get("provider", "")] += line[metric]
    return found


if __name__ == "__main__":
    json.dump(counted(*sys.argv[1:3]), sys.stdout)

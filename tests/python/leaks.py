"""Looks for texts that may not be recorded in all that a run recorded, and prints where they stand."""

import json
import sys
from collections.abc import Iterable

import recorded

# What is told of one secret.
MOST = 5


def look(where: str, texts: Iterable[str], secrets: list[str], found: dict[str, list[str]]) -> int:
    """Answers how many texts there were."""
    count = 0
    for text in texts:
        count += 1
        for secret in secrets:
            at = text.find(secret)
            if at >= 0 and len(found.setdefault(secret, [])) < MOST:
                found[secret].append(f"{secret!r} is in the {where}: …{text[max(at - 300, 0) : at + 100]}…")
    return count


table, secrets = sys.argv[1], json.loads(sys.argv[2])
found: dict[str, list[str]] = {}
counts = {
    "logs": look("logs", (f"{group} {line}" for group, line in recorded.logs()), secrets, found),
    "executions": look("executions", (json.dumps(kept, default=str) for kept in recorded.executions()), secrets, found),
    "events": look("events", (json.dumps(event, default=str) for event in recorded.events(table)), secrets, found),
}
json.dump({**counts, "found": [told for each in found.values() for told in each]}, sys.stdout)

"""Runs a command in a process group of its own and ends all of it when standard input closes.

Whoever started it holds the other end: however that process dies, nothing it started stays behind.
"""

import os
import signal
import subprocess
import sys
import threading
import time

PATIENCE_SECONDS = 5


def group_is_empty(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def end_group(command: subprocess.Popen) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(command.pid, sign)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            command.poll()
            if group_is_empty(command.pid):
                return
            time.sleep(0.02)


def main() -> int:
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, signal.SIG_IGN)
    command = subprocess.Popen(
        sys.argv[1:],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: [signal.signal(sign, signal.SIG_DFL) for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)],
    )

    def wait_for_the_end_of_input() -> None:
        while os.read(0, 4096):
            pass
        end_group(command)

    threading.Thread(target=wait_for_the_end_of_input, daemon=True).start()
    code = command.wait()
    end_group(command)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())

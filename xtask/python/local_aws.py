"""The local AWS, with fewer hand-overs between its threads.

It has a thread for each call under way. A thread that waits for Python's lock asks for it every five milliseconds: where
hundreds wait, the machine does nothing else.
"""

import sys

from ministack.app import main

HAND_OVER_SECONDS = 0.02

if __name__ == "__main__":
    sys.setswitchinterval(HAND_OVER_SECONDS)
    sys.exit(main())

"""Runs cases against ENDPOINT and prints `ok NAME` or `not ok NAME # why` for each."""

import os
import sys
import time
import traceback
import uuid

ENDPOINT = os.environ["ENDPOINT"]
CA_FILE = os.environ.get("CA_FILE")
REGION = os.environ.get("AWS_REGION", "us-east-1")

CASES = []


def case(function):
    """Registers a test; its name is the function's."""
    CASES.append(function)
    return function


def fresh(prefix="c"):
    """A stream name nobody else has."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def eventually(check, seconds=10):
    """Calls `check` until it answers something true."""
    until = time.monotonic() + seconds
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > until:
            raise AssertionError(f"not within {seconds} s; last answer {answer!r}")
        time.sleep(0.05)


def run():
    """Runs every registered case, or those named on the command line."""
    wanted = set(sys.argv[1:])
    failed = 0
    for function in CASES:
        if wanted and function.__name__ not in wanted:
            continue
        try:
            function()
            print(f"ok {function.__name__}", flush=True)
        except Exception as error:  # noqa: BLE001 - every failure is a result
            failed += 1
            traceback.print_exc()
            text = " ".join(str(error).split())[:300]
            print(f"not ok {function.__name__} # {type(error).__name__}: {text}", flush=True)
    sys.exit(1 if failed else 0)

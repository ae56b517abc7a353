"""Polling for a fact, with a deadline."""
import time

# Sanitizer builds and busy machines are slow; a test that fails takes this long, one that passes never does.
DEADLINE_SECONDS = 60


def until(fact, what, seconds=DEADLINE_SECONDS):
    """Calls fact() until it returns something true, and returns that; raises AssertionError after the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = fact()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)

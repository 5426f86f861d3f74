"""What holds for the tests of engines."""

import signal

import pytest

SECONDS = 240
"""Maximum duration of a test: a cluster whose workers do not come back would be waited for without an end."""


@pytest.fixture(autouse=True)
def bounded():
    """End a test that waits for a cluster for too long."""

    def over(number, frame):
        raise TimeoutError(f"no end within {SECONDS} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)

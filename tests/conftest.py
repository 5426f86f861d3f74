"""What holds for all tests."""

import signal


def pytest_configure():
    """Let commands that tests start be interrupted, where this run ignores it: as one that a shell started with `&`."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)

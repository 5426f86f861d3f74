"""What holds for all tests."""

import signal

import pytest

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def pytest_configure():
    """Let commands that tests start be interrupted, where this run ignores it: as one that a shell started with `&`."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol():
    """Leave to the next test the signals as they were: a command that ran in this process may have taken them."""
    before = {number: signal.getsignal(number) for number in ENDING}
    try:
        return (yield)
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)

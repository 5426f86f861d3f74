"""What holds for all tests."""

import contextlib
import gc
import signal

import kept_workers
import pytest

from datacheck.backends.leveldb.writer import is_installed as can_write_leveldb

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
RARELY = 20_000
"""Python looks for garbage each time so many more objects were made, rather than 700: a fourteenth of the time else."""

LONG = ("test_live.py", "test_life.py", "test_dask.py", "test_recipes.py", "test_docs.py", "test_typed_script.py")
"""Files with tests that take ten seconds each: they come first, or all others would wait for the last of them."""


def pytest_configure(config):
    """Let commands that tests start be interrupted, where this run ignores it: as one that a shell started with `&`."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "own_workers: no worker process is kept for this test, or from it for the next")
    config.addinivalue_line("markers", "writes_leveldb: it needs plyvel, which has no wheels for the newest Pythons")


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Look for no garbage while the tests are collected, nor among them later: they are many, and all stay."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(RARELY)
        gc.enable()


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.name not in LONG)


def pytest_runtest_setup(item):
    """Skip what writes LevelDBs where the library that does is not installed."""
    if item.get_closest_marker("writes_leveldb") and not can_write_leveldb():
        pytest.skip("plyvel, which writes a LevelDB, is not installed: it has no wheels for this Python")


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop():
    """Keep the processes of workers while the tests run."""
    with kept_workers.kept():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Leave to the next test the signals as they were: a command that ran in this process may have taken them."""
    before = {number: signal.getsignal(number) for number in ENDING}
    own = item.get_closest_marker("own_workers") is not None
    try:
        with kept_workers.none_kept() if own else contextlib.nullcontext():
            return (yield)
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)
        kept_workers.tidy()

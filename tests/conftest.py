"""Hooks that apply to all tests."""

import contextlib
import gc
import signal
import tempfile

import kept_workers
import pytest

from datacheck.backends.leveldb.writer import is_installed as can_write_leveldb

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
RARELY = 20_000
"""Threshold of the garbage collector, in new objects. Python's default of 700 takes a fourteenth of the test time."""

LONG = ("test_live.py", "test_life.py", "test_dask.py", "test_recipes.py", "test_docs.py", "test_typed_script.py")
"""Files with tests that take ten seconds each. They run first, so that the run does not end waiting for one of them."""


def pytest_configure(config):
    """Restore SIGINT if this run ignores it, as after `&` in a shell, so that tests can interrupt commands."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "own_workers: no worker process is kept for this test, or from it for the next")
    config.addinivalue_line("markers", "writes_leveldb: it needs plyvel, which has no wheels for the newest Pythons")


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Disable the garbage collector during collection, then freeze the collected tests: they are many and all stay."""
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
    """Skip tests that write LevelDB stores if plyvel is not installed."""
    if item.get_closest_marker("writes_leveldb") and not can_write_leveldb():
        pytest.skip("plyvel, which writes a LevelDB, is not installed: it has no wheels for this Python")


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop():
    """Keep worker processes while the tests run, in an empty folder: commands would read a project's configuration."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), kept_workers.kept():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Restore the signal handlers after each test, since a command that ran in this process may have replaced them."""
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

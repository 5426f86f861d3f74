"""Fixtures of the tests of messages."""

import importlib

import pytest

from datacheck.decoders.messages import arrow

IMPORT = importlib.import_module


@pytest.fixture
def no_pyarrow(monkeypatch):
    """Let pyarrow be absent, whether it is installed or not."""

    def absent(name):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return IMPORT(name)

    monkeypatch.setattr(arrow.importlib, "import_module", absent)

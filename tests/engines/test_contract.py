"""Test that every row of ENGINES keeps the contract of engines."""

import pytest

from datacheck.engines import ENGINES, engine
from datacheck.testing.engines import EngineContract

pytestmark = pytest.mark.own_workers


@pytest.mark.parametrize("name", ENGINES)
def test_each_row_has_an_engine_and_says_where_it_runs(name):
    assert callable(engine(name))
    assert ENGINES[name].runs


class TestProcesses(EngineContract):
    make = staticmethod(engine("local"))


def test_every_engine_is_held_to_the_contract():
    assert set(ENGINES) == {"local", "dask"}

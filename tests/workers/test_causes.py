"""Test that an error reaches the caller whatever caused it, also where a library pickles causes along with errors."""

import copyreg
import pickle

import pytest

from datacheck.workers.interface import Failure
from datacheck.workers.serve import _dumps_result


class Chosen(Exception):
    """An error with a copyreg entry, as Dask's tblib makes one for each class that is loaded when it is."""


class Unusual(Exception):
    """An exception whose class does not take the arguments that it was given: unpickling it fails."""

    def __init__(self, one, two):
        super().__init__(one + two)


def with_cause(error):
    return type(error), error.args, {"cause": error.__cause__, "context": error.__context__}


@pytest.fixture
def _pickled_with_causes():
    copyreg.pickle(Chosen, with_cause)
    yield
    del copyreg.dispatch_table[Chosen]


@pytest.mark.usefixtures("_pickled_with_causes")
def test_an_error_arrives_without_a_cause_that_does_not_unpickle():
    error = Chosen("why")
    error.__cause__ = Unusual("a", "b")
    arrived = pickle.loads(_dumps_result(Failure(error)))
    assert (type(arrived.error), arrived.error.args) == (Chosen, ("why",))

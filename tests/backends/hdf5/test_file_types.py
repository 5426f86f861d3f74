"""Types of datasets are compared between files, however many paths there are; if not, that is said."""

from __future__ import annotations

import numpy as np
import pytest

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.folders import file_types
from datacheck.backends.hdf5.tables import Contents, Table


def said_of(*files):
    """Return what is said of files, each with the types of its datasets by their names."""
    types = file_types.FileTypes()
    for number, its in enumerate(files):
        tables = [Table(name, 9, (Dataset(f"/{name}".encode(), (9, 2), np.dtype(of)),)) for name, of in its.items()]
        types.add(number, Contents(tuple(tables), (), (), ()))
    return [(it.code, it.file) for it in types.findings([f"{number}.h5" for number in range(len(files))])]


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(file_types, "MOST", 8)


def test_paths_of_one_file_alone_make_room():
    files = [
        {"x": "f4" if number != 17 else "u1", **{f"own{number}_{at}": "u1" for at in range(3)}} for number in range(20)
    ]
    assert said_of(*files) == [("fields", "17.h5")]


def test_a_path_that_has_made_room_and_comes_again_is_said_not_to_be_compared():
    files = [{f"p{at}": "f4" for at in range(7)}, {f"q{at}": "f4" for at in range(7)}] * 4
    assert said_of(*files) == [("unsupported", None)]


def test_more_paths_in_every_file_than_are_compared_are_counted():
    assert said_of(*[{f"p{at}": "f4" for at in range(12)}] * 5) == [("unsupported", None)]
    assert said_of(*[{f"p{at}": "f4" for at in range(8)}] * 5) == []

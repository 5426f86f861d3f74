"""What a walk has listed of an object's attributes is not read again to interpret the file."""

import h5py
import numpy as np

from datacheck.backends.hdf5.file import library, opened
from datacheck.backends.hdf5.library.fork_guard import StepCounter
from datacheck.backends.hdf5.library.looking import Looking
from datacheck.backends.hdf5.tree_walk import TreeWalk


def test_listed_names_and_attributes_that_are_not_there_need_no_file():
    look = Looking(None, None, StepCounter({}), listed={b"/": (b"total",), b"/a": ()})
    assert (look.names(b""), look.names(b"/a")) == ((b"total",), ())
    assert look.number(b"/a", b"num_samples") is None
    assert look.texts(b"/", b"task") == ()


def test_what_is_not_listed_is_read_and_so_are_values(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_group("g").attrs["num_samples"] = 7
        file["g/x"] = np.zeros(7)
        file["g/x"].attrs["unit"] = "m"
        file["h"] = h5py.SoftLink("/g")
    with opened(tmp_path / "a.h5") as file:
        walk = TreeWalk(library(), file.id, file.size, StepCounter({}))
        groups = list(walk.groups())
        look = walk.facts(groups, recovered=False, heeded=True).look
        assert look.listed == {b"/": (), b"/g": (b"num_samples",), b"/g/x": (b"unit",)}
        for path in (b"/g", b"/h"):
            assert (look.names(path), look.number(path, b"num_samples")) == ((b"num_samples",), 7)
            assert look.number(path, b"n_steps") is None
        assert look.text(b"/g/x", b"unit") == "m"


def test_names_of_attributes_whose_list_is_damaged_are_read_again(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", libver="latest", track_order=True) as file:
        group = file.create_group("g", track_order=True)
        for number in range(40):
            group.attrs[f"a{number:02}"] = number
    raw = path.read_bytes()
    at = raw.index(b"BTLF\0\x08")  # a leaf of the index of attributes by name
    path.write_bytes(raw[: at + 20] + bytes([raw[at + 20] ^ 1]) + raw[at + 21 :])
    with opened(path) as file:
        walk = TreeWalk(library(), file.id, file.size, StepCounter({}))
        groups = list(walk.groups())
        assert walk.findings
        look = walk.facts(groups, recovered=False, heeded=True).look
        assert b"/g" not in look.listed
        assert look.number(b"/g", b"none") is None

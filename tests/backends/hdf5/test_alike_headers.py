"""Datasets that are told by their header, like that of another one: they come out as the library describes them."""

import random

import h5py
import numpy as np
import pytest
from covering import seeds
from hdf5_walks import forget_walks

from datacheck.backends.hdf5.library import alike_headers
from datacheck.backends.hdf5.library.alike_headers import AlikeHeaders
from datacheck.backends.hdf5.reader import Hdf5Reader

KINDS = ["f4", "f8", ">f4", "i8", "u1", "f2", "S5", "c8", bool, [("x", "i2"), ("y", "f4")]]


def write(path, *, repeats=4, **options):
    draw = np.random.default_rng(9)
    with h5py.File(path, "w", **options) as file:
        for number in range(repeats):
            group = file.create_group(f"data/demo_{number}")
            for at, kind in enumerate(KINDS):
                group[f"kind_{at}"] = draw.integers(0, 2, size=(9 + number, 3)).astype(kind)
            group["actions"] = draw.normal(size=(9 + number, 2))
            group["scalar"], group["empty"] = 3.5, np.empty((0, 4), "f4")
            group["nothing"] = h5py.Empty("f4")
            group.create_dataset("never", (9, 4), "f4")
            group.create_dataset("grows", data=np.ones((9, 3), "f4"), maxshape=(None, 3))
            group.create_dataset("filled", data=np.ones((9, 3), "f4"), fillvalue=9.969209968386869e36)
            group.create_dataset("timed", data=np.ones((9, 3), "f4"), track_times=True)
            group.create_dataset("words", data=["a"] * 9, dtype=h5py.string_dtype())
            group["kept"] = np.ones((9, 3), "f4")
            group["kept"].attrs["missing_value"] = np.float32(1)
            group["ref"] = np.array([group["kept"].ref] * 9, h5py.ref_dtype)
            group["other"] = group["actions"]
        file["type"] = np.dtype("f4")
        for number in range(repeats):
            file.create_dataset(f"data/demo_{number}/typed", data=np.ones((9, 2)), dtype=file["type"])
    return path


def contents(path, monkeypatch, *, by_library):
    with monkeypatch.context() as patched:
        if by_library:
            patched.setattr(AlikeHeaders, "dataset", lambda *_: None)
        forget_walks()
        reader = Hdf5Reader(path, (path,))
        made = reader.layout()
        return reader.contents(0), made.findings, made.shards


@pytest.mark.parametrize("options", [{}, {"userblock_size": 1024}, {"libver": "latest"}, {"track_order": True}])
def test_datasets_come_out_as_the_library_describes_them(tmp_path, monkeypatch, options):
    path = write(tmp_path / "x.h5", **options)
    one, other = (contents(path, monkeypatch, by_library=it) for it in (False, True))
    assert one == other
    kinds = [{it.path: (it.dtype, it.dtype.metadata) for it in some[0].tables[0].datasets} for some in (one, other)]
    assert kinds[0] == kinds[1]


def test_the_library_opens_one_of_each_kind(tmp_path, monkeypatch):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        for number in range(50):
            for name in ("actions", "obs/a", "obs/b"):
                file[f"data/demo_{number}/{name}"] = np.ones((9 + number, 4), "f4")
    told = []
    before = AlikeHeaders.dataset

    def counted(self, path, held, end):
        made = before(self, path, held, end)
        told.append(made is not None)
        return made

    monkeypatch.setattr(AlikeHeaders, "dataset", counted)
    from datacheck.backends.hdf5.file import opened
    from datacheck.backends.hdf5.library.fork_guard import StepCounter
    from datacheck.backends.hdf5.survey import survey
    from datacheck.backends.interface import DEFAULTS

    with opened(path) as file:
        made = survey(
            h5py, file.id, file.size, DEFAULTS, StepCounter({}), descriptor=file.descriptor, end=file.end, path=path
        )
    assert len(made.paths) == 150
    assert sum(told) == 149


@pytest.mark.parametrize("seed", seeds(16))
def test_damaged_headers_come_out_as_the_library_describes_them(tmp_path, monkeypatch, seed):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        for number in range(6):
            file[f"demo_{number}/actions"] = np.ones((9 + number, 4), "f4")
            file[f"demo_{number}/flat"] = np.arange(9.0 + number)
    with h5py.File(path) as file:
        named = [f"demo_{number}/{name}" for number in range(6) for name in ("actions", "flat")]
        headers = [h5py.h5g.get_objinfo(file[name].id).objno[0] for name in named]
    draw = random.Random(seed)
    held = bytearray(path.read_bytes())
    for _ in range(1 + seed % 3):
        at = draw.choice(headers) + draw.randrange(160)
        held[at] = draw.choice([0, 1, 2, 3, 127, 255, held[at] ^ 1 << draw.randrange(8)])
    path.write_bytes(held)
    one, other = (contents(path, monkeypatch, by_library=it) for it in (False, True))
    assert [it.path for table in one[0].tables for it in table.datasets] == [
        it.path for table in other[0].tables for it in table.datasets
    ]
    assert one == other


FIELDS = {"rows": 32, "most rows": 48, "values a row": 40, "place": 122, "stored bytes": 130}
"""Where numbers stand in the header of a dataset of two axes, as HDF5 1.8 to 1.14 write it."""
ODD = (0, 1, 5, 8, 14, 15, 100, 10**6, 2**40, 2**63, 2**64 - 1)


@pytest.mark.parametrize("number", ODD)
@pytest.mark.parametrize("field", FIELDS)
def test_a_number_that_others_do_not_have_is_taken_as_the_library_takes_it(tmp_path, monkeypatch, field, number):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        for at in range(6):
            file[f"demo_{at}/actions"] = np.ones((9 + at, 4), "f4")
        header = h5py.h5g.get_objinfo(file["demo_5/actions"].id).objno[0]
        place = file["demo_5/actions"].id.get_offset()
    held = bytearray(path.read_bytes())
    numbers = [int.from_bytes(held[header + at : header + at + 8], "little") for at in FIELDS.values()]
    assert numbers == [14, 14, 4, place, 224]
    at = header + FIELDS[field]
    held[at : at + 8] = number.to_bytes(8, "little")
    path.write_bytes(held)
    one, other = (contents(path, monkeypatch, by_library=it) for it in (False, True))
    assert one == other


def test_files_that_are_walked_together_come_out_as_the_library_describes_them(tmp_path, monkeypatch):
    """Types that are stored by themselves lie at the same place in each file, and are another one in each."""
    for number in range(6):
        with h5py.File(tmp_path / f"episode_{number}.h5", "w") as file:
            file["type"] = np.dtype("f4" if number % 2 else "i4")
            file.create_dataset("typed", data=np.ones((9, 2)), dtype=file["type"])
            file["actions"], file["obs/state"] = np.ones((9, 3), "f4"), np.full((9, 4), number, "f8")
            file.attrs["task"] = f"task {number}" * (1 + number)
    told = {}
    for by_library in (False, True):
        with monkeypatch.context() as patched:
            if by_library:
                patched.setattr(AlikeHeaders, "dataset", lambda *_: None)
            forget_walks()
            reader = Hdf5Reader.recognise(tmp_path)
            layout = reader.layout()
            known = reader.knowing(layout.known)
            told[by_library] = [known.contents(number) for number in range(6)], layout.findings, layout.shards
    assert told[False] == told[True]
    kinds = [{it.path: str(it.dtype) for table in made.tables for it in table.datasets} for made in told[False][0]]
    assert [it[b"/typed"] for it in kinds] == ["int32", "float32"] * 3


def test_a_header_that_could_not_be_read_is_not_taken_for_the_one_before(tmp_path, monkeypatch):
    path = write(tmp_path / "x.h5", repeats=2)
    from datacheck.backends.hdf5.values import placed

    real, calls = placed.pread, []

    def failing(descriptor, size, at):
        calls.append(at)
        if size == placed.HEADER_BYTES and len(calls) % 3 == 0:
            raise OSError(5, "Input/output error")
        return real(descriptor, size, at)

    monkeypatch.setattr(placed, "pread", failing)
    one = contents(path, monkeypatch, by_library=False)[0]
    calls.clear()
    other = contents(path, monkeypatch, by_library=True)[0]
    assert one.shapes == other.shapes


def test_values_beyond_what_a_file_may_declare_are_left_to_the_library(tmp_path, monkeypatch):
    path = write(tmp_path / "x.h5")
    monkeypatch.setattr(alike_headers, "LARGEST", 16)
    one, other = (contents(path, monkeypatch, by_library=it) for it in (False, True))
    assert one == other

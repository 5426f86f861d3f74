"""What leads to links and attributes is damaged: it costs what it leads to, is named, and the rest is read and kept."""

import os
import signal

import h5py
import numpy as np
import pytest

from datacheck import rebuild, scan
from datacheck.backends.copy_plan import Drops, Plan
from datacheck.backends.hdf5 import tree_walk
from datacheck.backends.hdf5.copying.copier import Hdf5Copier
from datacheck.backends.hdf5.file import library
from datacheck.backends.hdf5.library import listing
from datacheck.backends.hdf5.reader import Hdf5Reader
from tests.building import fingerprint

DATASETS, ATTRIBUTES, ROWS = 20, 30, 50
NAMES = [f"d{at:02d}" for at in range(DATASETS)]


def store(path, *, tracked=True, libver="latest", attributes=ATTRIBUTES, where="/"):
    """Many datasets in one group, with many attributes on it (or on what lies at `where`)."""
    with h5py.File(path, "w", libver=libver, track_order=tracked) as file:
        for at, name in enumerate(NAMES):
            file.create_dataset(name, data=np.arange(ROWS, dtype="f4") + at, track_order=tracked)
        for at in reversed(range(attributes)):
            file[where].attrs[f"a{at:03d}"] = np.arange(20) + at
    return path


def places(path, signature, kind=None):
    """Where structures lie; `kind` is that of a version 2 B-tree (5, 6: links, 8, 9: attributes; by name, by order)."""
    raw, found, at = path.read_bytes(), [], -1
    while (at := raw.find(signature, at + 1)) >= 0:
        if kind is None or raw[at + 5] == kind:
            found.append(at)
    return found


def flip(path, at):
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
    path.write_bytes(raw)


def values_of(path):
    with h5py.File(path) as file:
        return {name: file[name][:].tolist() for name in NAMES if name in file}


def sound_values():
    return {name: (np.arange(ROWS) + at).tolist() for at, name in enumerate(NAMES)}


ORDER = "by the order of their making is damaged: "
ATTRIBUTE_DAMAGE = [
    (True, b"FRHP", None, 1, "30 of the attributes of / are lost: "),
    (True, b"FHIB", None, 0, "30 of the attributes of / are lost: "),
    (True, b"FHDB", None, 2, "4 of the attributes of / are lost: "),
    (True, b"BTHD", 8, 0, "some of the attributes of / are lost: "),
    (True, b"BTHD", 9, 0, f"/: the index of its attributes {ORDER}"),
    (True, b"BTLF", 8, 0, "/: the index of its attributes by name is damaged: "),
    (True, b"BTIN", 8, 0, "/: the index of its attributes by name is damaged: "),
    (True, b"BTLF", 9, 0, f"/: the index of its attributes {ORDER}"),
    (True, b"BTHD", 6, 0, f"/: the index of its links {ORDER}"),
    (True, b"BTLF", 6, 0, f"/: the index of its links {ORDER}"),
    (False, b"FRHP", None, 1, "30 of the attributes of / are lost: "),
    (False, b"BTHD", 8, 0, "some of the attributes of / are lost: "),
    (False, b"BTLF", 8, 0, "15 of the attributes of / are lost: "),
]


@pytest.mark.parametrize(("tracked", "signature", "kind", "nth", "said"), ATTRIBUTE_DAMAGE)
def test_a_damaged_side_structure_costs_itself_alone(tmp_path, tracked, signature, kind, nth, said):
    path = store(tmp_path / "store.h5", tracked=tracked)
    flip(path, places(path, signature, kind)[nth] + 10)
    before = fingerprint(path)
    report = scan(path, workers=1)
    (finding,) = report.findings
    assert (finding.code, finding.verdict, finding.key) == ("damaged-store", "bad", None)
    assert finding.message.startswith(said)
    assert finding.message.endswith("(incorrect metadata checksum after all read attempts)")
    assert (report.status, report.checked) == (1, ROWS)
    receipt = rebuild(path, tmp_path / "copy.h5", drop_bad=True, workers=1)
    assert (receipt.written, receipt.kept) == (True, ROWS)
    assert values_of(tmp_path / "copy.h5") == sound_values()
    assert scan(tmp_path / "copy.h5", workers=1).status == 0
    left = ATTRIBUTES - {"3": 30, "4": 4, "1": 15, "s": 30}.get(said[0], 0)
    with h5py.File(tmp_path / "copy.h5") as copy:
        assert len(copy.attrs) == left
        assert all(value[0] == int(name[1:]) for name, value in copy.attrs.items())
    assert fingerprint(path) == before


@pytest.mark.parametrize("where", ["/", "d03", "g", "t"])
@pytest.mark.parametrize("size", [3, 400])
def test_each_attribute_of_each_object_is_read(tmp_path, where, size):
    path = tmp_path / "store.h5"
    with h5py.File(path, "w", libver="latest") as file:
        for name in NAMES:
            file[name] = np.arange(ROWS)
        file["g/inner"] = np.arange(7)
        file["t"] = np.dtype("f4")
        for at in range(ATTRIBUTES):
            file[where].attrs[f"a{at}"] = np.arange(size) + 1000 * at
    assert scan(path, workers=1).status == 0
    with h5py.File(path) as file:
        value = file[where].attrs["a17"].tobytes()
    flip(path, path.read_bytes().index(value) + 4)
    report = scan(path, workers=1)
    assert [it.code for it in report.findings] == ["damaged-store"]
    name = where if where == "/" else f"/{where}"
    assert f"the attributes of {name} are lost: " in next(iter(report.findings)).message
    assert report.checked == ROWS + 7


@pytest.mark.parametrize("tracked", [True, False])
@pytest.mark.parametrize("libver", ["earliest", "v108", "latest"])
def test_sound_lists_are_clean_and_keep_their_order(tmp_path, tracked, libver):
    path = store(tmp_path / "store.h5", tracked=tracked, libver=libver)
    with h5py.File(path, "r+") as file:
        file["d05"][3] = np.nan
    assert [it.key for it in scan(path, workers=1).findings] == ["/[3]"]
    rebuild(path, tmp_path / "copy.h5", drop_bad=True, workers=1, convention="table")
    with h5py.File(path) as file, h5py.File(tmp_path / "copy.h5") as copy:
        assert list(copy.attrs) == list(file.attrs)
        assert list(copy) == list(file)
    assert scan(tmp_path / "copy.h5", workers=1).status == 0


def test_a_node_of_an_old_group_costs_the_links_in_it_and_these_are_named(tmp_path):
    path = store(tmp_path / "store.h5", tracked=False, libver="earliest", attributes=1)
    nodes = places(path, b"SNOD")
    assert len(nodes) > 3
    raw = bytearray(path.read_bytes())
    raw[nodes[1] : nodes[1] + 4] = bytes(4)
    path.write_bytes(raw)
    report = scan(path, workers=1)
    finding, *orphans = report.findings
    assert finding.message.startswith("4 of the links of / are lost (d04, d05, d06, d07), since ")
    assert finding.details["lost"] == NAMES[4:8]
    assert {it.code for it in orphans} == {"orphan"}
    receipt = rebuild(path, tmp_path / "copy.h5", drop_bad=True, workers=1)
    assert [it.code for it in receipt.lost] == ["damaged-store"]
    with h5py.File(tmp_path / "copy.h5", "r+") as copy:
        for name, at in zip(NAMES[4:8], sorted(copy["orphan"], key=lambda it: int(it[3:])), strict=True):
            copy[name] = copy["orphan"][at]  # it lies whole, and lost no more than its name
        del copy["orphan"]
    assert values_of(tmp_path / "copy.h5") == sound_values()


def test_a_root_whose_only_node_is_destroyed_names_what_it_held_and_gives_it_without_names(tmp_path):
    path = tmp_path / "store.h5"
    with h5py.File(path, "w") as file:
        file["data"], file["gone"], file["label"] = np.arange(6.0), np.arange(3), np.arange(6)
        del file["gone"]
    (node,) = places(path, b"SNOD")
    raw = bytearray(path.read_bytes())
    raw[node : node + 4] = bytes(4)
    path.write_bytes(raw)
    report = scan(path, workers=1)
    finding, *orphans = report.findings
    assert (report.status, finding.code) == (1, "damaged-store")
    assert finding.message.startswith("3 of the links of / are lost (data, gone, label), since ")
    assert [it.code for it in orphans] == ["orphan"] * 2, "of what was deleted nothing is left"
    assert not rebuild(path, tmp_path / "copy.h5", drop_bad=True, workers=1).nothing_left
    with h5py.File(tmp_path / "copy.h5") as copy:
        held = {it[()].tobytes() for it in copy["orphan"].values()}
    assert held == {it.tobytes() for it in (np.arange(6.0), np.arange(6))}


def test_links_whose_index_by_name_is_damaged_are_not_passed_over(tmp_path):
    path = store(tmp_path / "store.h5")
    flip(path, places(path, b"BTLF", 5)[0] + 10)
    report = scan(path, workers=1)
    assert report.status == 1
    assert next(iter(report.findings)).message.startswith("/: the index of its links by name is damaged: ")
    assert {it.details.get("path") for it in report.findings} >= {f"/{name}" for name in NAMES}


def test_attributes_that_kill_their_reader_cost_themselves(tmp_path, monkeypatch):
    path = store(tmp_path / "store.h5", attributes=1, where="d04")

    def deadly(h5, opened):
        os.kill(os.getpid(), signal.SIGSEGV)

    monkeypatch.setattr(tree_walk, "read_attribute", deadly)
    reader = Hdf5Reader.recognise(path)
    layout = reader.layout()
    assert [(it.code, it.message) for it in layout.findings] == [
        ("crash", "the attributes of /d04: the library died of SIGSEGV")
    ]
    assert layout.records == ROWS
    plan = Plan(tmp_path / "copy.h5", Drops(tmp_path / "drops", frozenset()), fills=None)
    np.array([3], np.int64).tofile(tmp_path / "drops")
    for _ in Hdf5Copier().copy(reader, plan):
        pass
    with h5py.File(tmp_path / "copy.h5") as copy:
        assert list(copy["d04"].attrs) == []
        assert copy["d04"][:].tolist() == np.delete(sound_values()["d04"], 3).tolist()


def test_a_list_that_breaks_off_again_and_again_is_not_tried_for_ever():
    tries = []

    def walk(add, index, order, start):
        tries.append(start)
        raise RuntimeError("broken")

    made = listing._read_indexes(library(), walk, tracked=True, total=1 << 40)
    assert len(tries) == 2 * (1 + listing.MOST_TRIES)
    assert (made.names, made.missing, len(made.troubles)) == ([], 1 << 40, 2)

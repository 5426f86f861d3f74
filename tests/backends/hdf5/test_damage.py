"""What is wrong with an HDF5 file, or not followed in it, is said by name, and everything else is still read."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from datacheck.backends.hdf5 import survey, tree_walk
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.hdf5.values import hindrances
from datacheck.backends.hdf5.values.window import Window
from datacheck.backends.interface import StoreOptions


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.h5"


def reader_of(path):
    reader = Hdf5Reader.recognise(path, StoreOptions())
    assert reader is not None
    return reader


def scanned(path, limit=None):
    """The layout's findings, those of rows, and the rows of each column that were read."""
    reader = reader_of(path)
    layout = reader.layout()
    placed, read = [], {}
    for shard in layout.shards:
        for block in reader.blocks(shard, limit=limit):
            placed += (block.place(*it, None) for it in block.findings)
            for name, values in block.columns.items():
                lost = set(block.unread.get(name, ()))
                assert not values[sorted(lost)].any()
                read.setdefault(name, []).extend(row for at, row in enumerate(block.rows) if at not in lost)
    return list(layout.findings), placed, read


def store(path, **datasets):
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values


def spoil(path, dataset, coordinates, at=20):
    """Invert one byte of the chunk at `coordinates`."""
    with h5py.File(path) as file:
        chunk = file[dataset].id.get_chunk_info_by_coord(coordinates)
    raw = bytearray(path.read_bytes())
    raw[chunk.byte_offset + at] ^= 0xFF
    path.write_bytes(raw)
    return chunk


@pytest.mark.parametrize("limit", [None, 1])
@pytest.mark.parametrize(
    ("filters", "code"),
    [
        ({"compression": "gzip"}, "checksum"),
        ({"fletcher32": True}, "checksum"),
        ({"compression": "gzip", "shuffle": True, "fletcher32": True}, "checksum"),
        ({"compression": "lzf"}, None),
    ],
)
def test_a_damaged_chunk_costs_its_own_rows_and_no_others(path, filters, code, limit):
    values = np.random.default_rng(1).integers(1, 99, (60, 40), dtype="u1")
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=values, chunks=(7, 20), **filters)
        file.create_dataset("label", data=np.arange(1, 61), chunks=(60,))
    chunk = spoil(path, "data", (14, 20))
    store_level, placed, read = scanned(path, limit)
    assert store_level == []
    assert read["label"] == list(range(60))
    if code is None:  # LZF has no checksum: it may not notice
        return
    assert [it.key for it in placed] == [f"/[{row}]" for row in range(14, 21)]
    assert {(it.code, it.field) for it in placed} == {(code, "data")}
    assert placed[0].details == {
        "dataset": "/data",
        "chunk": [14, 20],
        "offset": chunk.byte_offset,
        "stored": chunk.size,
    }
    assert placed[0].message == (
        f"the chunk at [14, 20] of /data ({chunk.size} bytes at offset {chunk.byte_offset}): "
        "Can't synchronously read data (filter returned failure during read)"
    )
    assert read["data"] == [row for row in range(60) if not 14 <= row < 21]


def test_a_damaged_chunk_of_a_compound_costs_all_its_members(path):
    values = np.zeros(9, [("x", "f4"), ("k", "i2")])
    values["x"] = values["k"] = np.arange(1, 10)
    with h5py.File(path, "w") as file:
        file.create_dataset("pts", data=values, chunks=(3,), fletcher32=True)
    spoil(path, "pts", (3,), at=0)
    _, placed, read = scanned(path)
    assert [(it.key, it.field) for it in placed] == [("/[3]", "pts"), ("/[4]", "pts"), ("/[5]", "pts")]
    assert read == {"pts.x": [0, 1, 2, 6, 7, 8], "pts.k": [0, 1, 2, 6, 7, 8]}


def test_damaged_strings_cost_the_rows_they_belong_to(path):
    with h5py.File(path, "w") as file:
        file["data"] = np.arange(1, 7)
        file.create_dataset("names", data=np.array([b"n"] * 6), chunks=(2,), fletcher32=True)
    spoil(path, "names", (2,), at=0)
    _, placed, read = scanned(path)
    assert [(it.key, it.field, it.code) for it in placed] == [
        ("/[2]", "names", "checksum"),
        ("/[3]", "names", "checksum"),
    ]
    assert read == {"data": list(range(6))}


def test_damaged_strings_that_belong_to_no_rows_are_said_once_a_chunk(path):
    with h5py.File(path, "w") as file:
        file["data"] = np.arange(1, 7)
        file.create_dataset("classes", data=np.array([b"a", b"b", b"c", b"d"]), chunks=(2,), fletcher32=True)
    spoil(path, "classes", (2,), at=0)
    _, placed, read = scanned(path)
    assert [(it.key, it.field, it.code) for it in placed] == [(None, "classes", "checksum")]
    assert read == {"data": list(range(6))}


def test_a_damaged_string_of_variable_length_is_unreadable(path):
    with h5py.File(path, "w") as file:
        file["data"] = np.arange(1, 5)
        file["names"] = ["aaaa", "bbbb", "cccc", "dddd"]
        at = file["names"].id.get_offset()
    raw = bytearray(path.read_bytes())
    raw[at + 2 * 16 + 4 : at + 2 * 16 + 12] = b"\xee" * 8  # the address of the third string's heap
    path.write_bytes(raw)
    _, placed, read = scanned(path)
    assert [(it.key, it.field, it.code) for it in placed] == [("/[2]", "names", "unreadable")]
    assert read == {"data": [0, 1, 2, 3]}


def with_filter(path, number, *, masked=False):
    """A dataset whose chunks ask for a filter that the library does not have."""
    with h5py.File(path, "w") as file:
        created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        created.set_chunk((2,))
        created.set_fletcher32()
        space = h5py.h5s.create_simple((4,))
        dataset = h5py.h5d.create(file.id, b"data", h5py.h5t.STD_I16LE, space, created)
        for at in (0, 2):
            dataset.write_direct_chunk((at,), np.array([at, at + 1], "<i2").tobytes(), 1 if masked else 0)
        file["label"] = np.arange(4)
    raw = path.read_bytes()
    filters = bytes([1, 1, 0, 0, 0, 0, 0, 0])  # version 1 of the message, one filter (HDF5 specification, IV.A.2.l)
    at = raw.index(filters + (3).to_bytes(2, "little")) + len(filters)
    path.write_bytes(raw[:at] + number.to_bytes(2, "little") + raw[at + 2 :])


@pytest.mark.parametrize(
    ("number", "name", "package", "ending"),
    [
        (32016 + 7777, "fletcher32", None, "which is not installed"),
        (305, "lzo", None, "which is not installed"),
    ],
)
def test_a_filter_that_is_not_installed_is_said_once(path, number, name, package, ending):
    with_filter(path, number)
    (finding,), placed, read = scanned(path)
    assert (finding.code, finding.verdict, finding.key, finding.field) == (
        "missing-filter",
        "unverifiable",
        None,
        "data",
    )
    assert finding.details["filter"] == number
    assert finding.details["dataset"] == "/data"
    assert finding.details["package"] == package
    assert finding.message.endswith(ending)
    assert name == "fletcher32" or finding.details["name"] == name
    assert (placed, read) == ([], {"label": [0, 1, 2, 3]})


def test_a_filter_that_is_not_installed_but_was_never_applied_is_not_missed(path):
    with_filter(path, 305, masked=True)
    assert scanned(path) == ([], [], {"data": [0, 1, 2, 3], "label": [0, 1, 2, 3]})


def test_hdf5plugin_is_recommended_for_its_filters(path):
    with_filter(path, 32015)
    code = (
        "import sys; sys.modules['hdf5plugin'] = None\nfrom datacheck.backends import open_store\n"
        f"print(open_store({str(path)!r}, 'hdf5').layout().findings[0].message)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3]
    )
    assert run.stdout == (
        "/data needs the HDF5 filter 32015 (zstd), which is not installed; the package hdf5plugin brings it\n"
    )


def virtual(file, name, source, shape=(3,)):
    layout = h5py.VirtualLayout(shape, "f8")
    layout[:] = source
    file.create_virtual_dataset(name, layout)


def external_link(file):
    file["out"] = h5py.ExternalLink("other\x1b.h5", "/secret")


def dangling(file):
    file["out"] = h5py.SoftLink("/not/there")


def circular(file):
    file["a"] = h5py.SoftLink("/out")
    file["out"] = h5py.SoftLink("/a")


def through_an_external_link(file):
    file["x"] = h5py.ExternalLink("other.h5", "/")
    file["out"] = h5py.SoftLink("/x/secret")


def external_storage(file):
    file.create_dataset("out", (3,), "f8", external=[("secret.raw", 0, 24)])


def virtual_elsewhere(file):
    virtual(file, "out", h5py.VirtualSource("other.h5", "secret", (3,)))


def virtual_through_a_link(file):
    file["x"] = h5py.ExternalLink("other.h5", "/")
    virtual(file, "out", h5py.VirtualSource(".", "/x/secret", (3,)))


def virtual_of_external_storage(file):
    external_storage(file)
    virtual(file, "v", h5py.VirtualSource(".", "/out", (3,)))


def virtual_of_itself(file):
    virtual(file, "out", h5py.VirtualSource(".", "/out", (3,)))


def virtual_of_nothing(file):
    virtual(file, "out", h5py.VirtualSource(".", "/not/there", (3,)))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (external_link, [r"/out is an external link to another file: other\x1b.h5:/secret; not followed"]),
        (dangling, ["/out is a soft link that leads nowhere: /not/there; not followed"]),
        (circular, ["/a is a soft link that leads nowhere", "/out is a soft link that leads nowhere"]),
        (
            through_an_external_link,
            ["/out is a soft link that leads out of the file: /x/secret", "/x is an external link"],
        ),
        (external_storage, ["/out is a dataset whose values lie in another file: secret.raw; not followed"]),
        (virtual_elsewhere, ["/out is a virtual dataset with a source that is in another file: other.h5:secret"]),
        (virtual_through_a_link, ["/out is a virtual dataset with a source that leads out of the file", "/x is an"]),
        (
            virtual_of_external_storage,
            ["/out is a dataset", "/v is a virtual dataset with a source that has its values"],
        ),
        (virtual_of_itself, ["/out is a virtual dataset with a source that is virtual in turn, without end"]),
        (virtual_of_nothing, ["/out is a virtual dataset with a source that leads nowhere: .:/not/there"]),
    ],
    ids=lambda it: getattr(it, "__name__", ""),
)
def test_nothing_is_followed_out_of_the_file(path, make, said):
    for name in ("other.h5", "other\x1b.h5"):
        store(path.parent / name, secret=np.arange(3.0))
    (path.parent / "secret.raw").write_bytes(bytes(24))
    with h5py.File(path, "w") as file:
        make(file)
        file["g/data"] = np.arange(2)
    store_level, placed, read = scanned(path)
    assert [(it.code, it.verdict) for it in store_level] == [("unsupported", "unverifiable")] * len(said)
    for finding, words in zip(sorted(store_level, key=lambda it: it.message), said, strict=True):
        assert finding.message.startswith(words)
    assert (placed, read) == ([], {"data": [0, 1]})


def test_a_soft_link_within_the_file_through_another_is_nothing_to_speak_of(path):
    with h5py.File(path, "w") as file:
        file["g/data"] = np.arange(2)
        file["alias"] = h5py.SoftLink("g")
        file["further"] = h5py.SoftLink("./alias/data")
    assert scanned(path) == ([], [], {"data": [0, 1]})


def test_groups_too_deep_are_not_followed(path, monkeypatch):
    monkeypatch.setattr(tree_walk, "DEEPEST", 2)
    store(path, **{"a/b/c/data": np.zeros(2), "a/b/data": np.zeros(2)})
    (finding,), _, read = scanned(path)
    assert (finding.code, finding.message) == ("unsupported", "/a/b/c: more than 2 groups deep")
    assert read == {"data": [0, 1]}


def test_a_dataset_far_larger_than_what_is_stored_is_not_read(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("bomb", (1 << 40,), "f8", chunks=(1 << 16,), compression="gzip")
        file.create_dataset("wide", (2, 1 << 28), "f8", chunks=(1, 1 << 20))
        file.create_dataset("deep", (8, 1 << 25), "f8", chunks=(8, 1 << 25), compression="gzip")
        file["g/data"] = np.arange(2)
    store_level, placed, read = scanned(path)
    assert [(it.code, it.field) for it in store_level] == [
        ("too-large", "bomb"),
        ("too-large", "deep"),
        ("too-large", "wide"),
    ]
    assert store_level[0].message == "/bomb declares 8796093022208 bytes, but 0 are stored; not read"
    assert store_level[1].message == "/deep has compressed chunks of 2147483648 bytes; not read"
    assert store_level[2].message == "/wide has rows of 2147483648 bytes; not read"
    assert (placed, read) == ([], {"data": [0, 1]})


def test_many_datasets_that_are_too_large_together_are_not_all_read(path, monkeypatch):
    monkeypatch.setattr(hindrances, "LARGE", 1 << 20)
    monkeypatch.setattr(hindrances, "SPARSE", 0)
    store(path, a=np.ones(1 << 16), b=np.ones(1 << 15), c=np.ones(1 << 16))
    with h5py.File(path) as file:
        assert file["a"].nbytes * 2 == 1 << 20
    (finding,), _, read = scanned(path)
    assert (finding.code, finding.field) == ("too-large", "c")
    assert set(read) == {"a", "b"}


def test_memory_that_runs_out_is_said(path):
    store(path, data=np.ones(4))

    class Hungry:
        def __getitem__(self, rows):
            if (rows if isinstance(rows, slice) else rows[0]).stop > 2:
                raise MemoryError
            return np.ones(2 if isinstance(rows, slice) else rows[0].stop - rows[0].start)

    dataset = survey.Dataset(b"/data", (4,), np.dtype("f8"))
    window = Window(dataset, Hungry(), 4)
    assert window.cover(0, 4) == 4
    assert {row: finding.code for row, finding in window.lost.items()} == {2: "too-large", 3: "too-large"}


def test_a_truncated_file_says_how_much_is_lost_and_which_rows(path):
    store(path, data=np.arange(1000))
    with h5py.File(path) as file:
        offset = file["data"].id.get_offset()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(offset + 3004)
    (finding,), placed, read = scanned(path)
    assert (finding.code, finding.key) == ("truncated-store", None)
    lost = size - offset - 3004
    assert finding.message == f"the file ends at {offset + 3004} of {size} bytes, {lost} are lost"
    assert finding.details == {"size": offset + 3004, "expected": size}
    assert [it.key for it in placed] == [f"/[{row}]" for row in range(375, 1000)]
    said = f"/data is lost from row 375 on (at offset {offset + 3000}), since the file ends at {offset + 3004}"
    assert {(it.code, it.field, it.message) for it in placed} == {("truncated-store", "data", said)}
    assert read == {"data": list(range(375))}


def test_a_file_that_a_writer_left_open_says_so_and_is_read(path):
    with h5py.File(path, "w", libver="latest") as file:
        file["data"] = np.arange(3)
        file.flush()
        left = path.read_bytes()
    path.write_bytes(left)
    with pytest.raises(OSError, match="already open for write"):
        h5py.File(path)
    (finding,), placed, read = scanned(path)
    assert (finding.code, finding.verdict) == ("not-closed", "suspicious")
    assert finding.message.startswith("HDF5 refuses the file: its writer still has it open, or never closed it; ")
    assert (placed, read) == ([], {"data": [0, 1, 2]})
    assert path.read_bytes() == left


def test_a_file_of_nothing_but_the_signature_is_damaged(path):
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    (finding,), _, _ = scanned(path)
    assert finding.code == "damaged-store"
    assert finding.message.startswith("HDF5 cannot open the file: ")


def test_an_object_that_cannot_be_opened_costs_only_itself(path):
    store(path, bad=np.arange(3), data=np.arange(5))
    with h5py.File(path) as file:
        at = h5py.h5o.get_info(file["bad"].id).addr
    raw = bytearray(path.read_bytes())
    raw[at] ^= 0xFF
    path.write_bytes(raw)
    (finding,), placed, read = scanned(path)
    assert finding.code == "damaged-store"
    assert finding.message.startswith("/bad cannot be opened: ")
    assert (placed, read) == ([], {"data": [0, 1, 2, 3, 4]})


def test_a_file_that_vanished_is_a_finding(path):
    store(path, data=np.arange(3))
    reader = reader_of(path)
    path.unlink()
    layout = reader.layout()
    assert [it.code for it in layout.findings] == ["unreadable"]
    assert layout.shards == []


def test_h5py_reports_what_lzf_notices(path):
    """LZF keeps no checksum, so what it does notice is unreadable and not a checksum."""
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=np.ones((4, 4000), "u1"), chunks=(2, 4000), compression="lzf")
        chunk = file["data"].id.get_chunk_info(0)
    raw = bytearray(path.read_bytes())
    raw[chunk.byte_offset : chunk.byte_offset + chunk.size] = b"\xff" * chunk.size
    path.write_bytes(raw)
    _, placed, read = scanned(path)
    assert [(it.key, it.code) for it in placed] == [("/[0]", "unreadable"), ("/[1]", "unreadable")]
    assert read == {"data": [2, 3]}


def test_strings_that_kill_their_reader_do_not_take_the_numbers_beside_them_along():
    class Deadly:
        def __getitem__(self, rows):
            if rows.start >= 2:
                os.kill(os.getpid(), signal.SIGSEGV)
            return np.array(["fine"], object)

    dataset = survey.Dataset(b"/names", (5,), np.dtype(object))
    window = Window(dataset, Deadly(), 5, single=True)
    said = {}
    for row in range(5):
        assert window.cover(row, 5) == row + 1
        said |= {at: (it.code, it.verdict, it.message) for at, it in window.lost.items()}
    rest = ("unreadable", "unverifiable", "not read, since row 2 of /names killed its reader")
    assert said == {2: ("crash", "bad", "row 2 of /names: the library died of SIGSEGV"), 3: rest, 4: rest}

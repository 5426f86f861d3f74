"""What healthy HDF5 files read as: tables, names, columns, labels, shards."""

import hashlib
import os
import pickle
import subprocess
import sys
from pathlib import Path

import h5py
import msgspec
import numpy as np
import pytest

from datacheck.backends import open_store
from datacheck.backends.hdf5 import blocks as backend
from datacheck.backends.hdf5 import tables as hdf5_tables
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.hdf5.values import window
from datacheck.backends.interface import StoreOptions
from datacheck.model.blocks import Position, RowBlock, Shard
from datacheck.model.finding import found

SHARED = Path(__file__).parents[3].parent / "shared"


def opened(path, **options):
    reader = Hdf5Reader.recognise(path, StoreOptions(**options))
    assert reader is not None
    return reader


def blocks_of(reader, **kwargs):
    """All blocks, with values of their own: those of a reader are valid until the next block."""
    return [
        msgspec.structs.replace(block, columns={name: values.copy() for name, values in block.columns.items()})
        for shard in reader.layout().shards
        for block in reader.blocks(shard, **kwargs)
    ]


def names(reader, **kwargs):
    return [block.name(row) for block in blocks_of(reader, **kwargs) for row in range(len(block))]


def columns(reader):
    """Every column of every table, whole."""
    made = {}
    for block in blocks_of(reader):
        for name, values in block.columns.items():
            made.setdefault((block.table, name), []).append(values)
    return {key: np.concatenate(parts) for key, parts in made.items()}


def findings(reader):
    layout = reader.layout()
    return [*layout.findings, *(block.place(*it, None) for block in blocks_of(reader) for it in block.findings)]


def store(path, **datasets):
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.h5"


def test_the_only_table_of_the_root_has_rows_without_a_name(path):
    reader = opened(store(path, data=np.zeros((3, 2)), label=np.arange(3)))
    assert names(reader) == ["/[0]", "/[1]", "/[2]"]
    assert findings(reader) == []


def test_the_only_table_of_a_group_is_named_after_the_group(path):
    reader = opened(store(path, **{"train/data": np.zeros((2, 2)), "train/label": np.arange(2), "a/b/c": np.ones(1)}))
    assert names(reader) == ["/a/b[0]", "/train[0]", "/train[1]"]


def test_several_tables_of_a_group_are_named_after_their_first_dataset(path):
    reader = opened(
        store(path, x_train=np.zeros((2, 4)), y_train=np.arange(2), x_test=np.zeros((1, 4)), y_test=np.arange(1))
    )
    assert names(reader) == ["/x_test[0]", "/x_train[0]", "/x_train[1]"]


def test_a_name_with_control_bytes_is_escaped_in_rows_and_fields(path):
    reader = opened(store(path, **{"g\x1b[31m/d\x07": np.zeros(1)}))
    assert names(reader) == [r"/g\x1b[31m[0]"]
    assert list(columns(reader)) == [(r"/g\x1b[31m", r"d\x07")]


DTYPES = ["u1", "i1", "<u2", ">u2", "<i4", ">i8", "<f2", ">f2", "<f4", ">f4", "<f8", "g", "?", "<c8", ">c16"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("chunks", [None, (2, 3)])
def test_numbers_of_every_kind_come_back_in_native_byte_order(path, dtype, chunks):
    values = (np.arange(15).reshape(5, 3) % 2).astype(dtype)
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=values, chunks=chunks)
    read = columns(opened(path))["/", "data"]
    assert read.dtype == np.dtype(dtype).newbyteorder("=")
    assert np.array_equal(read, values)


def test_an_enumeration_is_judged_as_its_integer(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=np.array([0, 7], "i2"), dtype=h5py.enum_dtype({"A": 0, "B": 7}, "i2"))
    assert columns(opened(path))["/", "data"].tolist() == [0, 7]


def test_each_numeric_member_of_a_compound_is_a_column(path):
    inner = np.dtype([("x", ">f4"), ("w", "c8")])
    dtype = np.dtype([("pos", inner, (2,)), ("id", "u2"), ("box", "f8", (3,)), ("tag", "S4"), ("on", "?")])
    values = np.zeros(2, dtype)
    values["pos"]["x"][1] = (1, 2)
    values["box"][0] = 5
    read = columns(opened(store(path, pts=values)))
    shapes = {name: array.shape for (_, name), array in read.items()}
    assert shapes == {"pts.pos.x": (2, 2), "pts.pos.w": (2, 2), "pts.id": (2,), "pts.box": (2, 3), "pts.on": (2,)}
    assert read["/", "pts.pos.x"][1].tolist() == [1, 2]
    assert read["/", "pts.box"][0].tolist() == [5, 5, 5]


def test_members_of_variable_length_beside_numeric_ones_are_read_with_them(path):
    dtype = np.dtype([("name", h5py.string_dtype()), ("size", "f4")])
    with h5py.File(path, "w") as file:
        file.create_dataset("t", data=np.array([(f"n{i}", i) for i in range(50)], dtype), chunks=(7,))
    reader = opened(path)
    assert columns(reader)["/", "t.size"].tolist() == list(range(50))
    assert findings(reader) == []


def test_strings_scalars_references_and_empty_datasets_are_read_but_no_records(path):
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros((4, 2))
        file["names"] = ["a", "b", "c", "d"]
        file["classes"] = ["cat", "dog"]
        file["fixed"] = np.array([b"x", b"yy"])
        file["version"] = 3
        file["motto"] = "all of it"
        file["nothing"] = h5py.Empty("f4")
        file["none"] = np.zeros((0, 7))
        file["flat"] = np.zeros((5, 0))
        file.create_dataset("refs", data=[file["data"].ref], dtype=h5py.ref_dtype)
        file["type"] = np.dtype("f4")
    reader = opened(path)
    layout = reader.layout()
    assert layout.records == 4
    assert names(reader) == [f"/[{row}]" for row in range(4)]
    assert {name for _, name in columns(reader)} == {"data"}
    assert findings(reader) == []
    (last,) = [shard for shard in layout.shards if not shard.records]
    places = []
    (scalar,) = reader.blocks(last, note=lambda place, seen: places.append(place.key))
    assert (len(scalar), dict(scalar.columns), list(scalar.findings)) == (0, {}, [])
    assert scalar.scalars == [("/version", "version", np.array([3]))]
    assert places == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("name", ["label", "labels", "y", "target", "targets"])
def test_labels_are_known_by_their_name(path, name):
    reader = opened(store(path, **{"data": np.zeros((2, 2)), name: np.arange(2)}))
    assert blocks_of(reader)[0].labels == (name,)


@pytest.mark.parametrize("asked", ["class", "/train/class", "train/class"])
def test_the_label_field_is_what_the_caller_names(path, asked):
    datasets = {"train/class": np.arange(2), "train/data": np.zeros((2, 2)), "train/y": np.arange(2)}
    assert blocks_of(opened(store(path, **datasets), label_field=asked))[0].labels == ("class",)


def test_y_beside_a_flat_x_is_an_axis(path):
    reader = opened(store(path, x=np.arange(4.0), y=np.arange(3.0), field=np.zeros((4, 3))))
    assert findings(reader) == []
    assert all(block.labels == () for block in blocks_of(reader))


def test_a_dimension_scale_is_no_label(path):
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros((4, 3))
        file["y"] = np.arange(3)
        file["y"].make_scale("y")
    assert findings(opened(path)) == []


@pytest.mark.parametrize(
    ("datasets", "counts"),
    [
        ({"data": 10, "label": 9}, {"/data": 10, "/label": 9}),
        ({"data": 10, "label": 9, "weight": 9}, {"/data": 10, "/label": 9}),
        ({"data": 10, "label": 0}, {"/data": 10, "/label": 0}),
        ({"g/images": 3, "g/labels": 4}, {"/g/images": 3, "/g/labels": 4}),
        ({"data": 10, "label": 10, "classes": 4}, None),
        ({"images": 10, "mean": 4, "label": 10}, None),
        ({"label": 10}, None),
    ],
)
def test_labels_and_data_of_different_length(path, datasets, counts):
    reader = opened(store(path, **{name: np.zeros((rows, 2)) for name, rows in datasets.items()}))
    found = findings(reader)
    assert [(it.code, it.key, it.details["rows"]) for it in found] == ([("row-count", None, counts)] if counts else [])


def test_datasets_that_the_caller_wants_together(path):
    store(path, **{"a": np.zeros(3), "g/b": np.zeros(4), "c": np.zeros(3)})
    assert findings(opened(path, together=(("a", "/c"),))) == []
    (finding,) = findings(opened(path, together=(("a", "g/b"),)))
    assert finding.message == "/a has 3 rows, /g/b has 4 rows; they belong together"
    (finding,) = findings(opened(path, together=(("a", "d"),)))
    assert finding.message == "/a has 3 rows, /d is not there; they belong together"


@pytest.mark.parametrize("shard_bytes", [1, 100, 1000, 1 << 20])
@pytest.mark.parametrize("limit", [None, 1, 7])
def test_shards_cover_each_row_once(path, monkeypatch, shard_bytes, limit):
    monkeypatch.setattr(hdf5_tables, "SHARD_BYTES", shard_bytes)
    monkeypatch.setattr(backend, "BLOCK_BYTES", 64)
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=np.arange(150).reshape(50, 3), chunks=(4, 2), compression="gzip")
        file.create_dataset("label", data=np.arange(50), chunks=(6,))
        file.create_dataset("plain", data=np.arange(50))
        file.create_dataset("names", data=[str(row) for row in range(50)])
    reader = opened(path)
    layout = reader.layout()
    assert sum(shard.records for shard in layout.shards) == layout.records == 50
    if shard_bytes == 1000:
        assert len(layout.shards) > 1
        assert all(shard.start.key % 12 == 0 for shard in layout.shards)
    rows = []
    for block in blocks_of(reader, limit=limit):
        assert limit is None or len(block) <= limit
        rows += block.rows
        assert np.array_equal(block.columns["data"][:, 0], np.array(block.rows) * 3)
        assert np.array_equal(block.columns["label"], block.rows)
        assert np.array_equal(block.columns["plain"], block.rows)
    assert rows == list(range(50))


def test_a_table_has_a_bounded_number_of_shards(path, monkeypatch):
    monkeypatch.setattr(hdf5_tables, "SHARD_BYTES", 1)
    monkeypatch.setattr(hdf5_tables, "SHARDS_A_TABLE", 10)
    assert len(opened(store(path, data=np.zeros(1001))).layout().shards) == 10


def test_rows_whose_chunks_exceed_the_memory_are_read_in_parts(path, monkeypatch):
    monkeypatch.setattr(window, "WINDOW_BYTES", 100)
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=np.arange(60.0).reshape(30, 2), chunks=(30, 1), compression="gzip")
    read = columns(opened(path))["/", "data"]
    assert np.array_equal(read, np.arange(60.0).reshape(30, 2))


def test_each_place_is_noted_before_its_rows_are_read(path):
    reader = opened(store(path, data=np.zeros(3)))
    (shard,) = reader.layout().shards
    places = []
    for block in reader.blocks(shard, limit=1, note=lambda place, seen: places.append((place, seen))):
        assert places[-1] == (Position(block.rows[0], 0), True)
    assert len(places) == 3


def test_a_shard_may_begin_behind_a_row_and_end_before_one(path):
    reader = opened(store(path, data=np.arange(9)))
    (shard,) = reader.layout().shards
    piece = shard.since(Position(2, 1)).before(Position(6, 0))
    assert [row for block in reader.blocks(piece) for row in block.rows] == [3, 4, 5]
    assert list(reader.blocks(shard.since(Position(8, 1)))) == []


def test_a_place_gets_its_name_without_the_file(path):
    reader = opened(store(path, **{"train/data": np.zeros(3)}))
    (shard,) = reader.layout().shards
    path.unlink()
    assert reader.name(shard, Position(1, 1), found("crash", "died")).key == "/train[2]"


@pytest.mark.parametrize(
    ("key", "rows"),
    [
        ("/train[2]", [2]),
        ("/train[3]", None),
        ("/[0]", None),
        ("/train", None),
        ("train[1]", None),
        ("/train[-1]", None),
    ],
)
def test_find_a_row_by_its_name(path, key, rows):
    reader = opened(store(path, **{"train/data": np.zeros(3)}))
    shard = reader.find(key)
    assert (shard and [row for block in reader.blocks(shard) for row in block.rows]) == rows


@pytest.mark.parametrize(("tables", "count"), [(1, 63), (3, 64), (64, 64), (100, 64)])
def test_probes_are_short_and_spread_over_all_tables(path, tables, count):
    reader = opened(store(path, **{f"g{number:03}/data": np.zeros(1000) for number in range(tables)}))
    probes = reader.layout().probes
    assert len(probes) == count
    assert len({probe.part for probe in probes}) == min(tables, 64)
    assert all(0 < len(next(reader.blocks(probe, limit=16))) <= 16 for probe in probes)


def test_a_virtual_dataset_of_the_same_file_is_read_like_any_other(path):
    with h5py.File(path, "w") as file:
        file["a"] = np.arange(3.0)
        layout = h5py.VirtualLayout((6,), "f8")
        layout[:3] = layout[3:] = h5py.VirtualSource(file["a"])
        file.create_virtual_dataset("v", layout)
    reader = opened(path)
    assert findings(reader) == []
    assert columns(reader)["/v", "v"].tolist() == [0, 1, 2, 0, 1, 2]


def test_an_object_with_two_names_and_a_loop_of_groups_are_read_once(path):
    with h5py.File(path, "w") as file:
        file["a/data"] = np.zeros(3)
        file["b/data"] = file["a/data"]
        file["a/loop"] = file["/"]
        file["soft"] = h5py.SoftLink("/a/data")
    reader = opened(path)
    assert names(reader) == ["/a[0]", "/a[1]", "/a[2]"]
    assert findings(reader) == []


def test_a_reader_is_a_value(path):
    reader = opened(store(path, data=np.zeros(3)))
    assert pickle.loads(pickle.dumps(reader)) == reader
    assert pickle.loads(pickle.dumps(reader.layout())) == reader.layout()
    assert hash(reader) == hash(opened(path))
    assert open_store(path, "hdf5") == reader


def test_the_file_is_the_same_afterwards_and_may_be_open_elsewhere(path):
    store(path, data=np.zeros((3, 2)), label=np.arange(3))
    before = hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns, path.stat().st_size
    path.chmod(0o400)
    with h5py.File(path, "r"):
        assert len(names(opened(path))) == 3
    assert before == (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns, path.stat().st_size)
    assert sorted(path.parent.iterdir()) == [path]


def test_a_file_that_another_process_has_locked_is_read(path):
    fcntl = pytest.importorskip("fcntl")
    store(path, data=np.zeros(3))
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert len(names(opened(path))) == 3


@pytest.mark.parametrize("filters", ["Zstd", "Blosc", "LZ4", "Bitshuffle", "BZip2"])
def test_filters_that_hdf5plugin_brings(path, filters):
    plugins = pytest.importorskip("hdf5plugin")
    values = np.arange(60).reshape(20, 3)
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=values, chunks=(5, 3), **getattr(plugins, filters)())
    reader = opened(path)
    assert findings(reader) == []
    assert np.array_equal(columns(reader)["/", "data"], values)


def test_no_filter_is_loaded_from_the_plugin_path(path):
    plugins = pytest.importorskip("hdf5plugin")
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=np.zeros(9), chunks=(3,), **plugins.Zstd())
    plain = "import h5py; print(h5py.File(path)['data'][0])"
    ours = (
        "from datacheck.backends import open_store\n"
        "print([it.code for it in open_store(path, 'hdf5').layout().findings])\n"
        "print([line for line in open('/proc/self/maps') if 'zstd' in line])"
    )
    said = []
    for code in (plain, ours):
        whole = f"import sys; sys.modules['hdf5plugin'] = None; path = {str(path)!r}\n{code}"
        packages = os.pathsep.join([str(Path(__file__).parents[3]), *sys.path])
        env = {"HDF5_PLUGIN_PATH": plugins.PLUGIN_PATH, "PYTHONPATH": packages}
        run = subprocess.run([sys.executable, "-c", whole], env=env, capture_output=True, text=True, check=True)
        said.append(run.stdout.split("\n"))
    assert said[0][0] == "0.0", "the plugin would be found there"
    assert said[1][0] == "['missing-filter']"
    assert said[1][1] == "[]"


def test_the_module_does_not_load_h5py():
    code = "import sys, datacheck.backends.hdf5.reader; print('h5py' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3]
    )
    assert run.stdout == "False\n"


@pytest.mark.parametrize("name", ["sample_data.h5", "sample_data_2_gzip.h5"])
def test_the_files_that_caffe_tests_with(name):
    path = SHARED / "real" / "hdf5-caffe" / name
    if not path.exists():
        pytest.skip("the real stores are not on this machine")
    reader = opened(path)
    assert findings(reader) == []
    assert reader.layout().records == 10
    shapes = {column: values.shape for (_, column), values in columns(reader).items()}
    assert shapes["data"] == (10, 8, 5, 5)
    assert {label for block in blocks_of(reader) for label in block.labels} == {"label"}


def test_a_row_block_can_be_taken_apart(path):
    (block,) = blocks_of(opened(store(path, data=np.arange(5))))
    assert isinstance(block, RowBlock)
    assert isinstance(opened(path).layout().shards[0], Shard)
    assert block.take([1, 4]).columns["data"].tolist() == [1, 4]

"""Stores that the real packages wrote: sound ones are clean, and each planted fault is named by key, path and code.

`make test-payloads` installs the packages. The other tests build the same bytes by hand, and need none of them.
"""

import contextlib
import io
import pickle
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import lmdb
import numpy as np
import pytest
from building import key, write_lmdb

from datacheck import scan

COUNT = 60
FAULTY = 37
"""The record that a fault is planted in."""


def package(name):
    """Return a module; the test is skipped where it is not installed."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        return pytest.importorskip(name, reason=f"{name} is not installed: make test-payloads brings it")


def sample(number):
    values = np.random.default_rng(number).normal(size=(5, 3)).astype(np.float32)
    return {"x": values, "label": number % 10}


def with_msgpack_numpy(record):
    return package("msgpack").packb(record, default=package("msgpack_numpy").encode)


def with_tensorpack(record):
    return bytes(package("tensorpack.utils.serialize").dumps([record["x"], record["label"]]))


def with_safetensors(record):
    arrays = {"x": record["x"], "label": np.array([record["label"]])}
    return package("safetensors.numpy").save(arrays)


def with_ase(record):
    return zlib.compress(package("ase.io.jsonio").encode(record).encode())


def with_arrow(record):
    pa = package("pyarrow")
    columns = {"x": pa.array(record["x"].ravel()), "label": pa.array([record["label"]] * record["x"].size)}
    batch = pa.RecordBatch.from_pydict(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def with_torch(record):
    torch = package("torch")
    out = io.BytesIO()
    torch.save({"x": torch.from_numpy(record["x"]), "label": record["label"]}, out)
    return out.getvalue()


def with_torch_geometric(record):
    torch, data = package("torch"), package("torch_geometric.data")
    return pickle.dumps(data.Data(x=torch.from_numpy(record["x"]), label=torch.tensor([record["label"]])))


@dataclass(frozen=True)
class Writer:
    """What packs a record, and the paths of its array and its label in what was packed."""

    pack: Callable[[dict], bytes]
    array: str = "x"
    label: str = "label"


WRITERS = {
    "msgpack-numpy": Writer(with_msgpack_numpy),
    "tensorpack": Writer(with_tensorpack, "[0]", "[1]"),
    "safetensors": Writer(with_safetensors),
    "ase": Writer(with_ase),
    "pyarrow": Writer(with_arrow),
    "torch": Writer(with_torch),
    "torch_geometric": Writer(with_torch_geometric),
}


def nan(record):
    record["x"][1, 2] = np.nan
    return record


def another_shape(record):
    return {**record, "x": np.concatenate([record["x"]] * 2)}


def another_dtype(record):
    return {**record, "x": record["x"].astype(np.float64)}


def beyond(record):
    return {**record, "label": 10}


FAULTS = {
    "sound": (lambda record: record, None, None),
    "nan": (nan, "array", "nan"),
    "shape": (another_shape, "array", "shape"),
    "dtype": (another_dtype, "array", "fields"),
    "label": (beyond, "label", "label"),
}
"""By name: how a record is broken, which of its fields that is, and the code of the finding."""


def found_in(path, **options):
    return [(it.key, it.field, it.code) for it in scan(path, workers=1, **options).findings]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", WRITERS)
def test_a_fault_in_one_record_is_named_and_nothing_else(name, fault, tmp_path):
    writer = WRITERS[name]
    broken, where, code = FAULTS[fault]
    values = {key(it): writer.pack(sample(it)) for it in range(COUNT)}
    values[key(FAULTY)] = writer.pack(broken(sample(FAULTY)))
    write_lmdb(tmp_path / "env", values)
    paths = {"array": writer.array, "label": writer.label}
    wanted = [] if code is None else [(f"{FAULTY:08}", paths[where], code)]
    assert found_in(tmp_path / "env", labels=10) == wanted


@pytest.mark.parametrize("name", WRITERS)
def test_a_value_that_ends_early_is_named(name, tmp_path):
    values = {key(it): WRITERS[name].pack(sample(it)) for it in range(COUNT)}
    values[key(FAULTY)] = values[key(FAULTY)][:-9]
    values[key(FAULTY + 1)] = b""
    write_lmdb(tmp_path / "env", values)
    assert [(it, code) for it, _, code in found_in(tmp_path / "env")] == [
        (f"{FAULTY:08}", "truncated"),
        (f"{FAULTY + 1:08}", "empty"),
    ]


def test_a_store_that_tensorpack_wrote(tmp_path):
    package("tensorpack")
    dataflow = package("tensorpack.dataflow")
    rows = [[sample(it)["x"], sample(it)["label"]] for it in range(COUNT)]
    with contextlib.redirect_stderr(io.StringIO()):
        dataflow.LMDBSerializer.save(dataflow.DataFromList(rows, shuffle=False), str(tmp_path / "t.lmdb"))
    report = scan(tmp_path / "t.lmdb", workers=1)
    assert (report.status, [it.name for it in report.conventions]) == (0, ["tensorpack"])
    with lmdb.open(str(tmp_path / "t.lmdb"), subdir=False) as env, env.begin(write=True) as txn:
        txn.delete(b"%08d" % FAULTY)
    assert "dangling" in scan(tmp_path / "t.lmdb", workers=1).counts


def test_a_database_that_ase_wrote(tmp_path):
    package("ase_db_backends")
    atoms = package("ase.build").molecule("H2O")
    connect = package("ase.db").connect
    with connect(str(tmp_path / "a.aselmdb"), type="aselmdb") as database:
        for number in range(COUNT):
            moved = atoms.copy()
            moved.rattle(seed=number)
            database.write(moved, step=number)
    report = scan(tmp_path / "a.aselmdb", workers=1)
    assert (report.status, [it.name for it in report.conventions]) == (0, ["ase"])

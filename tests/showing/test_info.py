"""Test that `datacheck info` says what is in a store, from a sample that it names, and judges nothing."""

import json
import pickle
from dataclasses import dataclass
from pathlib import Path

import commanding
import h5py
import lmdb
import msgspec
import numpy as np
import pytest
from building import datum, fingerprint, floats, key, pictures, pixels, raw_records, write_lmdb
from trees import KINDS, run, store

import datacheck
from datacheck.backends.leveldb.log_writer import create as write_leveldb
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.model.blocks import ignore
from datacheck.scanning.keys.sample_keys import KEYS_A_PROBE
from datacheck.scanning.profile.sampled import RECORDS_A_PROBE
from datacheck.scanning.settings.make_settings import make
from datacheck.showing import store as of_store
from datacheck.showing.contents import FIRST_KEYS


def info(*arguments, status=0):
    got, said, complaint = run("info", *arguments)
    assert (got, complaint) == (status, ""), (said, complaint)
    return said.splitlines()


def document(*arguments, status=0):
    return json.loads("\n".join(info(*arguments, "--format", "json", status=status)))


def sample(number):
    made = {
        "pos": {"xyz": floats(number, (4, 3)), "names": ["C", "H"]},
        "y": number % 5,
        "path": [floats(number, (1 + number % 4, 2))] * 2,
    }
    return made if number % 2 else {**made, "extra": np.arange(6)}


def test_a_store_of_trees(tmp_path):
    write_lmdb(tmp_path / "env", {key(it): pickle.dumps(sample(it)) for it in range(64)})
    lines = info(tmp_path / "env")
    assert lines[0].startswith(f"{tmp_path / 'env'}: LMDB, 64 records, ")
    assert lines[1] == "  from a sample of 64 records at 4 places, evenly spread"
    assert lines[2:] == [
        "  #: pickle, 64 sampled records",
        "    extra: 6 int64, in 50 % of the records",
        "    path[0]: of several shapes float32",
        "    pos/names: text",
        "    pos/xyz: 4x3 float32",
        "    y: number int64, a label",
        "  first keys: 00000000, 00000001, 00000002, 00000003, 00000004, 00000005, 00000006, 00000007, ...",
    ]


def test_what_is_wrong_with_records_is_not_said(tmp_path):
    """A scan of this store has status 1, but `info` gives no verdict."""
    broken = floats(0)
    broken[0, 0, 0] = np.nan
    write_lmdb(tmp_path / "env", {key(it): datum(broken if it < 9 else floats(it), it % 3) for it in range(30)})
    assert run("scan", tmp_path / "env")[0] == 1
    text = "\n".join(info(tmp_path / "env"))
    assert "nan" not in text.lower()
    assert "    data: float_data 2x4x4 float32" in text


def test_conventions_and_what_they_count(tmp_path):
    records = {b"image-%09d" % it: pictures()[it % 3] for it in range(1, 31)}
    records |= {b"label-%09d" % it: b"word %d" % it for it in range(1, 31)} | {b"num-samples": b"29"}
    write_lmdb(tmp_path / "env", records)
    lines = info(tmp_path / "env")
    assert "  convention ocr: num-samples says 29" in lines  # a scan says that this is wrong
    assert any(it.startswith("  image-#: picture") for it in lines)
    assert any(it.startswith("  label-#: text, ") and it.endswith(", labels") for it in lines)
    made = document(tmp_path / "env")
    assert made["conventions"] == [{"name": "ocr", "counts": {"num-samples": 29}, "lists": {}}]
    assert made["labels"] == {"label-#": ["label"]}


def test_the_document_is_that_of_its_types(tmp_path):
    write_lmdb(tmp_path / "env", raw_records(40))
    made = document(tmp_path / "env")
    assert (made["schema"], made["source"]["records"], made["source"]["decoder"]) == ("datacheck-info/1", 40, "datum")
    assert made["profile"]["families"]["#"]["fields"]["data"]["shape"] == [3, 8, 8]
    assert made["sampled"] == {"records": 32, "places": 2}
    assert made["parts"] == [{"name": None, "records": 40, "first_keys": [f"{it:08}" for it in range(8)]}]
    assert json.loads(msgspec.json.encode(msgspec.convert(made, of_store.Info))) == made


def test_the_tables_of_a_file(tmp_path):
    with h5py.File(tmp_path / "t.h5", "w") as file:
        for name, rows in (("train", 40), ("test", 20)):
            file[f"{name}/data"] = np.random.default_rng(rows).normal(size=(rows, 3, 4)).astype(np.float32)
            file[f"{name}/target"] = np.arange(rows) % 4
            image = file.create_dataset(f"{name}/image", (rows,), h5py.vlen_dtype(np.uint8))
            for row in range(rows):
                image[row] = np.frombuffer(pictures()[row % 3], np.uint8)
    lines = info(tmp_path / "t.h5")
    assert lines[0].startswith(f"{tmp_path / 't.h5'}: HDF5, 60 records, ")
    for line in (
        "    data: 3x4 float32",
        "    target: number int64, a label",
        "    image: JPEG 3x64x64 uint8",
        "  /train: 40 records, first keys: /train[0], /train[1], /train[2], /train[3], /train[4], /train[5], "
        "/train[6], /train[7], ...",
    ):
        assert line in lines
    assert {it["name"]: it["records"] for it in document(tmp_path / "t.h5")["parts"]} == {"/train": 40, "/test": 20}


def test_databases_have_their_names(tmp_path):
    with lmdb.open(str(tmp_path / "env"), max_dbs=4) as env:
        for name in (b"one", b"two"):
            handle = env.open_db(name)
            with env.begin(write=True, db=handle) as txn:
                for it in range(20):
                    txn.put(key(it), datum(pixels(it), it % 3))
    lines = info(tmp_path / "env")
    assert any(it.startswith("  one:#: datum") for it in lines)
    assert any(it.startswith("  two: 20 records, first keys: two:00000000, ") for it in lines)


def test_a_leveldb_does_not_count_its_records(tmp_path):
    write_leveldb(tmp_path / "db", list(raw_records(40).items()))
    lines = info(tmp_path / "db")
    assert lines[0].startswith(f"{tmp_path / 'db'}: LevelDB, ")
    assert "    data: 3x8x8 uint8" in lines
    assert any(it.startswith("  first keys: 00000000, ") for it in lines)


def test_values_that_nothing_decodes_and_what_would_read_them(tmp_path):
    values = {key(it): floats(it, (12,)).tobytes() for it in range(40)}
    write_lmdb(tmp_path / "env", values)
    lines = info(tmp_path / "env")
    assert "  #: unknown payloads, 32 sampled records" in lines
    assert any(it.startswith("    100 % of them have 48 bytes; if they are arrays, --array f4:12 or ") for it in lines)
    lines = info(tmp_path / "env", "--array", "f4:3,4")
    assert "    data: 3x4 float32" in lines


def test_an_empty_store(tmp_path):
    with lmdb.open(str(tmp_path / "env")):
        pass
    assert info(tmp_path / "env")[0].startswith(f"{tmp_path / 'env'}: LMDB, 0 records")
    assert document(tmp_path / "env")["parts"] == []


def test_what_a_scan_finds_in_whole_datasets_is_in_nobodys_way(tmp_path):
    with h5py.File(tmp_path / "pairs.h5", "w") as file:
        file["X_train"], file["y_train"] = np.zeros((50, 3)), np.zeros(48)
    assert datacheck.scan(tmp_path / "pairs.h5").counts.get("row-count")
    assert document(tmp_path / "pairs.h5", status=0)["met"] == []


def test_of_a_damaged_store_it_is_said_that_not_all_could_be_looked_at(tmp_path):
    write_lmdb(tmp_path / "env", {key(it): datum(pixels(it, (3, 32, 32)), it % 3) for it in range(200)})
    data = tmp_path / "env" / "data.mdb"
    whole = data.read_bytes()
    data.write_bytes(whole[: len(whole) // 2])
    lines = info(tmp_path / "env", status=3)
    assert any(it.startswith("  not all could be looked at: truncated-store: ") for it in lines)
    assert document(tmp_path / "env", status=3)["met"][0]["code"] == "truncated-store"


def test_a_value_that_runs_code_is_only_looked_at(tmp_path):
    made = tmp_path / "made"
    exploit = b"cos\nsystem\n(S'touch " + str(made).encode() + b"'\ntR."
    write_lmdb(tmp_path / "env", {key(it): exploit for it in range(40)})
    text = "\n".join(info(tmp_path / "env"))
    assert "  #: pickle, 32 sampled records" in text
    assert not made.exists()


def test_what_a_key_holds_does_not_reach_the_terminal(tmp_path):
    write_lmdb(tmp_path / "env", {b"\x1b[31m%d\n\x00" % it: pickle.dumps({"a\x1b": 1.5}) for it in range(40)})
    text = "\n".join(info(tmp_path / "env"))
    assert text.replace("\n", "").isprintable()
    assert "\\x1b[31m0\\x0a\\x00" in text


def test_each_store_of_a_folder(tmp_path):
    (tmp_path / "all").mkdir()
    write_lmdb(tmp_path / "all" / "a", raw_records(30))
    write_lmdb(tmp_path / "all" / "b", {key(it): pickle.dumps(sample(it)) for it in range(30)})
    lines = info(tmp_path / "all")
    assert [it.split(":")[0] for it in lines if not it.startswith(" ")] == [
        str(tmp_path / "all" / "a"),
        str(tmp_path / "all" / "b"),
    ]
    made = document(tmp_path / "all")
    assert made["schema"] == "datacheck-infos/1"
    assert [it["source"]["decoder"] for it in made["infos"]] == ["datum", "pickle"]
    assert json.loads(msgspec.json.encode(msgspec.convert(made, of_store.Infos))) == made


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_store_is_left_as_it_is(kind, tmp_path):
    source = store(kind, tmp_path)
    before = fingerprint(tmp_path)
    assert info(source, status=0)
    assert fingerprint(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing-there"], "nothing-there: there is nothing at this path"),
        (["env", "--decoder", "nonsense"], "nonsense"),
        (["env", "--array", "nonsense-#=f4"], "nonsense-#"),
        ([""], "SOURCE is an empty name, not a path"),
    ],
)
def test_what_it_cannot_do_is_one_sentence(arguments, said, tmp_path, monkeypatch):
    write_lmdb(tmp_path / "env", raw_records(30))
    monkeypatch.chdir(tmp_path)
    done = commanding.datacheck("info", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@dataclass(frozen=True)
class Counting(LmdbReader):
    """A reader that logs to a file how many records were read, in any process."""

    log: Path = Path()

    def blocks(self, shard, *, limit=None, note=ignore):
        for block in super().blocks(shard, limit=limit, note=note):
            with self.log.open("a") as file:
                file.write(f"{len(block)}\n")
            yield block


def test_of_a_large_store_a_bounded_share_is_read(tmp_path):
    write_lmdb(tmp_path / "env", {key(it): datum(pixels(it % 7, (1, 2, 3)), it % 3) for it in range(60_000)})
    reader = Counting(tmp_path / "env", log=tmp_path / "log")
    (made,) = of_store.describe(reader, make(workers=1))
    assert made.sampled == of_store.Sampled(1024, 64)
    read = sum(map(int, (tmp_path / "log").read_text().split()))
    assert read <= 64 * (RECORDS_A_PROBE + 2 * KEYS_A_PROBE) + FIRST_KEYS < 60_000

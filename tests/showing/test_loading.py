"""Test records given to Python as trees of arrays, and records that cannot be read."""

import io
import json
import os
import pickle
import signal
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest
from building import datum, key, npy, pictures, pixels, raw_records, write_lmdb
from PIL import Image

import datacheck
from datacheck.model.blocks import Block, Layout, Position, Shard, ignore
from datacheck.model.escaping import escape, unescape
from datacheck.showing import loading


def same(one, two):
    """Check whether two trees are equal, including the dtypes of arrays."""
    if isinstance(two, np.ndarray):
        return isinstance(one, np.ndarray) and one.dtype == two.dtype and np.array_equal(one, two)
    if isinstance(two, dict):
        return type(one) is dict and one.keys() == two.keys() and all(same(one[it], two[it]) for it in two)
    if isinstance(two, list):
        return type(one) is list and len(one) == len(two) and all(map(same, one, two))
    return type(one) is type(two) and one == two


def store_of(tmp_path, value, count=20):
    return write_lmdb(tmp_path / "env", {key(number): value for number in range(count)})


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (datum(pixels(3), 7), {"data": pixels(3), "label": 7}),
        (npy(np.arange(6, dtype=">f4")), np.arange(6, dtype="<f4")),
        (zlib.compress(json.dumps({"a": [1, 2], "b": [{"c": "x"}, None]}).encode()), None),
        (
            pickle.dumps({"img": pixels(1), "words": ["a", "b"], "n": 3, "raw": b"\x00\x01", "no": None, 5: [1.5, 2]}),
            {
                "img": pixels(1),
                "words": ["a", "b"],
                "n": 3,
                "raw": b"\x00\x01",
                "no": None,
                5: np.array([1.5, 2]),
            },
        ),
    ],
)
def test_a_record_is_a_tree_of_arrays(tmp_path, value, wanted):
    if wanted is None:
        wanted = {"a": np.array([1, 2]), "b": [{"c": "x"}, None]}
    store = store_of(tmp_path, value)
    assert same(datacheck.load(store, "00000003"), wanted)
    assert same(datacheck.load(str(store), b"00000003"), wanted)
    assert all(same(it.value, wanted) and it.error is None for it in datacheck.records(store))


def test_pictures_are_their_pixels_wherever_they_are(tmp_path):
    jpeg = pictures()[0]
    expected = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")).transpose(2, 0, 1)
    for name, value in (("bare", jpeg), ("inside", pickle.dumps({"img": jpeg}))):
        store = write_lmdb(tmp_path / name, {key(number): value for number in range(20)})
        made = datacheck.load(store, "00000000")
        made = made if name == "bare" else made["img"]
        assert (made.shape, made.dtype) == (expected.shape, np.uint8)
        assert np.abs(made.astype(int) - expected).max() <= 4


def test_texts_and_labels_beside_pictures(tmp_path):
    records = {b"image-%05d" % n: pictures()[n % 2] for n in range(20)}
    records |= {b"label-%05d" % n: f"wörd {n}".encode() for n in range(20)}
    records |= {b"num-samples": b"20", b"size-%05d" % 1: b"2.5"}
    store = write_lmdb(tmp_path / "env", records)
    assert datacheck.load(store, "label-00003") == "wörd 3"
    count, size = datacheck.load(store, "num-samples"), datacheck.load(store, "size-00001")
    assert (count, type(count), size) == (20, int, 2.5)


def test_sound_and_video_are_the_bytes_that_they_are(tmp_path):
    wave = (
        b"RIFF"
        + (36 + 8).to_bytes(4, "little")
        + b"WAVEfmt "
        + bytes.fromhex("10000000010001001127000022 4e000002001000")
    )
    wave += b"data" + (8).to_bytes(4, "little") + bytes(range(8))
    store = store_of(tmp_path, wave)
    assert datacheck.scan(store, workers=1).source.decoder == "wav"
    assert datacheck.load(store, "00000002") == wave


def test_rows_are_dicts_by_column(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["data"] = np.arange(60, dtype="f4").reshape(20, 3)
        file["label"] = np.arange(20)
        file["name"] = [f"row {n}" for n in range(20)]
    wanted = {"data": np.array([6, 7, 8], "f4"), "label": 2, "name": "row 2"}
    assert same(datacheck.load(path, "/[2]"), wanted)
    rows = list(datacheck.records(path))
    assert [it.index for it in rows] == list(range(20))
    assert rows[2].key == "/[2]"
    assert same(rows[2].value, wanted)


def test_a_store_in_a_folder_goes_by_its_name(tmp_path):
    for name in ("one", "two"):
        write_lmdb(tmp_path / name, {key(n): datum(pixels(n + (name == "two")), n) for n in range(20)})
    assert same(datacheck.load(tmp_path, "two:00000004")["data"], pixels(5))
    assert len(list(datacheck.records(tmp_path))) == 40


def test_what_cannot_be_had_is_an_exception_with_its_reason(tmp_path):
    records = raw_records(40) | {key(5): datum(pixels(5), 1)[:-9], key(6): b""}
    store = write_lmdb(tmp_path / "env", records)
    with pytest.raises(datacheck.RecordUnreadable, match="00000005 cannot be read: truncated: ") as caught:
        datacheck.load(store, "00000005")
    assert (caught.value.code, caught.value.key) == ("truncated", "00000005")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    with pytest.raises(datacheck.RecordUnreadable, match="empty"):
        datacheck.load(store, "00000006")
    with pytest.raises(datacheck.RecordMissing):
        datacheck.load(store, "00000099")
    with pytest.raises(datacheck.UsageError, match="the key is 5"):
        datacheck.load(store, 5)
    with pytest.raises(datacheck.SourceMissing):
        datacheck.records(tmp_path / "nowhere")
    streamed = list(datacheck.records(store))
    assert [it.key for it in streamed] == [key(n).decode() for n in range(40)]
    assert [it.index for it in streamed if it.error] == [5, 6]
    assert [it.value for it in streamed if it.error] == [None, None]


def test_bytes_that_nothing_knows_are_bytes(tmp_path):
    store = store_of(tmp_path, b"\x01\x02\x03\x04\x05\x06")
    assert datacheck.load(store, "00000001") == b"\x01\x02\x03\x04\x05\x06"
    assert same(datacheck.load(store, "00000001", array="u2"), np.frombuffer(b"\x01\x02\x03\x04\x05\x06", "<u2"))


class Harmful:
    def __reduce__(self):
        return os.system, ("touch /tmp/harmed",)


def looped():
    made = [1, "a"]
    made.append(made)
    return made


def doubled():
    made = ["x"]
    for _ in range(40):
        made = [made, made]
    return made


def deep():
    made = ["x"]
    for _ in range(300):
        made = [made]
    return made


@pytest.mark.parametrize(
    ("thing", "said"),
    [(looped, "holds itself"), (doubled, "over and over"), (deep, "nested")],
)
def test_what_would_be_no_tree_or_never_end_is_refused(tmp_path, thing, said):
    store = store_of(tmp_path, pickle.dumps({"a": thing()}))
    with pytest.raises(datacheck.RecordUnreadable, match=said):
        datacheck.load(store, "00000001")


def test_parts_that_are_shared_are_sound(tmp_path):
    part = ["x", {"y": "z"}]
    store = store_of(tmp_path, pickle.dumps({"a": part, "b": part, "c": [part] * 5}))
    made = datacheck.load(store, "00000001")
    assert made == {"a": part, "b": part, "c": [part] * 5}


def test_no_code_of_a_record_is_run(tmp_path):
    store = store_of(tmp_path, pickle.dumps({"a": Harmful(), "b": 1}))
    made = datacheck.load(store, "00000001")
    assert made["b"] == 1
    assert not Path("/tmp/harmed").exists()


def test_keys_that_would_collide_are_texts(tmp_path):
    step = (1 << 61) - 1
    store = store_of(tmp_path, pickle.dumps({n * step: n for n in range(1, 300)}), count=4)
    made = datacheck.load(store, "00000001")
    assert len(made) == 299
    assert all(isinstance(it, str) for it in made)


@dataclass(frozen=True)
class DeadlyReader:
    """A reader of forty records, of which some kill their reader."""

    path: Path
    deadly: tuple[int, ...]
    backend = "lmdb"

    def layout(self):
        return Layout([Shard()], [Shard(stop=Position(key(3)))], 40, 4000)

    def blocks(self, shard, *, limit=None, note=ignore):
        start, stop = shard.start or Position(b""), shard.stop
        chosen = [n for n in range(40) if Position(key(n)) >= start and (not stop or Position(key(n)) < stop)]
        for at in range(0, len(chosen), limit or 8):
            some = chosen[at : at + (limit or 8)]
            note(Position(key(some[0])), True)
            if set(some) & set(self.deadly):
                os.kill(os.getpid(), signal.SIGSEGV)
            yield Block([key(n) for n in some], [datum(pixels(n), n) for n in some])

    def find(self, name):
        raw = unescape(name)
        return Shard("", Position(raw), Position(raw, 1)) if len(raw) == 8 else None

    def name(self, shard, place, finding):
        return datacheck.reporting.report.msgspec.structs.replace(finding, key=escape(place.key))


def test_a_record_that_kills_its_reader_is_named_and_the_others_come(tmp_path):
    reader = DeadlyReader(tmp_path, (13, 14, 39))
    with pytest.raises(datacheck.RecordUnreadable, match=r"00000013 cannot be read: crash: .*SIGSEGV"):
        datacheck.load(reader, "00000013")
    assert datacheck.load(reader, "00000012")["label"] == 12
    streamed = list(datacheck.records(reader))
    assert [it.key for it in streamed] == [key(n).decode() for n in range(40)]
    assert [it.index for it in streamed] == list(range(40))
    assert [it.index for it in streamed if it.error] == [13, 14, 39]
    assert [it.value["label"] for it in streamed if it.value] == [n for n in range(40) if n not in (13, 14, 39)]


def test_a_part_that_is_given_up_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "DEATHS", 3)
    streamed = list(datacheck.records(DeadlyReader(tmp_path, tuple(range(5, 30)))))
    assert streamed[-1].key is streamed[-1].index is None
    assert "given up" in streamed[-1].error
    assert [it.index for it in streamed[:5]] == list(range(5))


def test_a_part_of_a_store_that_is_lost_is_said(tmp_path):
    store = write_lmdb(tmp_path / "env", raw_records(400))
    file = store / "data.mdb"
    raw = bytearray(file.read_bytes())
    at = 4096 * 20
    raw[at : at + 4096] = bytes(4096)
    file.write_bytes(raw)
    report = datacheck.scan(store, workers=1)
    assert report.bad
    streamed = list(datacheck.records(store))
    assert any(it.key is None and it.error for it in streamed)
    assert len([it for it in streamed if it.key is not None]) == report.checked


def test_a_caller_that_takes_its_time_is_waited_for(tmp_path):
    store = write_lmdb(tmp_path / "env", raw_records(3000))
    taken = 0
    for record in datacheck.records(store, timeout=0.2):
        assert record.error is None
        if taken == 10:
            time.sleep(2.5)  # longer than the worker may wait for a disk
        taken += 1
    assert taken == 3000


def test_who_stops_early_leaves_no_worker_behind(tmp_path):
    store = write_lmdb(tmp_path / "env", raw_records(3000))
    stream = datacheck.records(store)
    assert next(stream).index == 0
    stream.close()

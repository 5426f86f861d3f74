"""Lists in metadata that are no frames of clips or no numbers of records, although they look like these."""

import io
import json
import pickle
import zipfile

import numpy as np
import pytest
from convention_stores import picture, read, write, write_databases

import datacheck
from datacheck.conventions.values.per_record import without_items

LENGTHS = {f"clip{at:02}": 12 if at < 4 else 6 for at in range(5)}
COUNT = 20


def frames(cut=None):
    keys = [f"{clip}/{at:04}.jpg".encode() for clip, length in LENGTHS.items() for at in range(length)]
    return {key: picture(at)[: 200 if key == cut else None] for at, key in enumerate(keys)}


@pytest.mark.parametrize(
    ("key", "entry"),
    [
        (b"image_sizes", [4, 8]),
        (b"meta", {"image_size": [4, 8, 3], "fps": 25}),
        (b"images_meta", {"crop": [2, 5, 3, 10], "fps": 25}),
        (b"frame_ranges", [0, 11]),
    ],
)
def test_sizes_and_ranges_name_no_frames(tmp_path, key, entry):
    said = json.dumps(dict.fromkeys(LENGTHS, entry)).encode()
    assert datacheck.scan(write(tmp_path / "store", frames() | {key: said})).clean


@pytest.mark.parametrize("entry", [[0, 5], {"frames": [0, 5], "fps": 25}])
def test_a_copy_keeps_first_and_last_frames(tmp_path, entry):
    said = json.dumps(dict.fromkeys(LENGTHS, entry)).encode()
    store = write(tmp_path / "store", frames(cut=b"clip02/0000.jpg") | {b"frames": said})
    datacheck.rebuild(store, tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy")[b"frames"] == said


def test_a_frame_in_a_list_of_key_frames_is_missing(tmp_path):
    said = json.dumps({key: [0, 3, 5] for key in LENGTHS}).encode()
    store = frames() | {b"keyframes": said}
    assert datacheck.scan(write(tmp_path / "sound", store)).clean
    del store[b"clip02/0003.jpg"]
    assert [it.code for it in datacheck.scan(write(tmp_path / "gone", store)).findings] == ["dangling"]


def archive(**arrays):
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out


def records():
    return {b"%d" % at: pickle.dumps({"x": np.full(3, np.nan if at == 7 else float(at))}) for at in range(COUNT)}


def copied(path, said):
    path.mkdir()
    store = write(path / "store", records() | {b"__metadata__": said})
    assert [it.code for it in datacheck.scan(store).findings] == ["nan"]
    receipt = datacheck.rebuild(store, path / "copy", drop_bad=True)
    return receipt.unkept, read(path / "copy")[b"__metadata__"]


def test_an_archive_with_an_array_of_objects_or_a_text_can_be_read(tmp_path):
    natoms, names = np.arange(COUNT) % 5, np.array(["H", "He"] * 10, object)
    out = archive(num_samples=np.array(COUNT), natoms=natoms, names=names)
    not_kept, copy = copied(tmp_path / "objects", out.getvalue())
    assert any("natoms has 20 items as before" in it for it in not_kept)
    assert np.load(io.BytesIO(copy))["num_samples"] == COUNT - 1

    out = archive(num_samples=np.array(COUNT), natoms=natoms)
    with zipfile.ZipFile(out, "a") as added:
        added.writestr("README", "about")
    _, copy = copied(tmp_path / "text", out.getvalue())
    loaded = np.load(io.BytesIO(copy))
    assert (loaded["natoms"].tolist(), loaded["README"]) == (np.delete(natoms, 7).tolist(), b"about")


def test_positions_of_records_do_not_lose_the_item_at_the_position_of_a_dropped_one():
    order = [3, 1, 0, 2]
    assert without_items(json.dumps({"natoms": [5, 5, 6, 7], "order": order}).encode(), 4, [0, 1, 2]) is None
    assert without_items(json.dumps({"natoms": [5, 5, 6, 7], "labels": order}).encode(), 4, [0, 1, 2]) is not None


def test_a_copy_names_a_list_of_another_length_and_one_of_texts(tmp_path):
    said = {"num_samples": COUNT, "natoms": [it % 5 for it in range(COUNT - 1)]}
    store = records() | {b"__metadata__": json.dumps(said).encode(), b"words": json.dumps(["a"] * COUNT).encode()}
    receipt = datacheck.rebuild(write(tmp_path / "store", store), tmp_path / "copy", drop_bad=True)
    assert "__metadata__: natoms has 19 items as before, and there were 20 records" in receipt.unkept
    assert any("words has 20 items as before" in it for it in receipt.unkept)


def test_a_list_that_is_rewritten_is_not_named_as_one_that_is_not(tmp_path):
    names = [f"{at:04}" for at in range(COUNT)]
    store = {f"train/{it}".encode(): picture(at)[: 200 if at == 7 else None] for at, it in enumerate(names)}
    store[b"splits"] = json.dumps({"train": names}).encode()
    receipt = datacheck.rebuild(write(tmp_path / "store", store), tmp_path / "copy", drop_bad=True)
    assert json.loads(read(tmp_path / "copy")[b"splits"]) == {"train": names[:7] + names[8:]}
    assert not any("as before" in it for it in receipt.unkept)


@pytest.mark.parametrize("name", [b"cum_lengths", b"shard_lengths", b"natoms_hist", b"label_weights"])
def test_bounds_bins_and_weights_are_no_numbers_of_records(tmp_path, name):
    store = {b"%d" % at: pickle.dumps({"x": np.ones(3) * at}) for at in range(COUNT)}
    store[name] = json.dumps(list(range(0, 3 * COUNT + 3, 3))).encode()
    assert list(datacheck.scan(write(tmp_path / "store", store)).findings) == []


KEYS = [f"n{at:03}" for at in range(2 * COUNT)]
NOT_KEPT = "labels has 40 items as before, as many as there were records"


def pictures():
    return {it.encode(): picture(at)[: 200 if at == 7 else None] for at, it in enumerate(KEYS)}


def test_labels_in_another_database_than_the_records_are_named(tmp_path):
    said = {b"ids": json.dumps(KEYS).encode(), b"labels": json.dumps([at % 5 for at in range(2 * COUNT)]).encode()}
    store = write_databases(tmp_path / "store", {"data": pictures(), "meta": said})
    receipt = datacheck.rebuild(store, tmp_path / "copy", drop_bad=True)
    assert [it for it in receipt.unkept if it.startswith(f"meta:{NOT_KEPT}")]


def test_labels_beside_two_lists_of_one_length_are_named(tmp_path):
    said = {b"train_ids": KEYS[:COUNT], b"val_ids": KEYS[COUNT:]}
    said |= {name + b"_labels": [at % 5 for at in range(COUNT)] for name in (b"train", b"val")}
    store = pictures() | {key: json.dumps(it).encode() for key, it in said.items()}
    receipt = datacheck.rebuild(write(tmp_path / "store", store), tmp_path / "copy", drop_bad=True)
    assert any(it.startswith("train_labels has 20 items as before") for it in receipt.unkept)

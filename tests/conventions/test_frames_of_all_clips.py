"""One record lists the frames of every clip, as a mapping from the names of clips to what their frames are called."""

import json
import pickle

import msgpack
import numpy as np
import pytest
from convention_stores import picture, read, read_database, write, write_databases

import datacheck

LENGTHS = {f"vid{at:02}": 3 + at % 3 for at in range(12)}
GONE, CUT = b"vid05/0002", b"vid03/0001"
WAYS = {
    "texts": lambda clip, count: [f"{it:04}" for it in range(count)],
    "numbers": lambda clip, count: list(range(count)),
    "entries": lambda clip, count: {"frames": [f"{it:04}" for it in range(count)], "fps": 25},
    "counted": lambda clip, count: {"frames": list(range(count)), "num_frames": count, "label": count % 4},
}


def frames(gone=(), cut=(), before=b"", after=b""):
    keys = [before + b"%s/%04d" % (clip.encode(), at) + after for clip, it in LENGTHS.items() for at in range(it)]
    return {it: picture(at)[: 200 if it in cut else None] for at, it in enumerate(keys) if it not in gone}


def mapping(way="texts"):
    return {clip: WAYS[way](clip, count) for clip, count in LENGTHS.items()}


def scanned(path, records):
    report = datacheck.scan(write(path, records))
    return [(it.code, it.verdict, it.details.get("first")) for it in report.findings]


def copied(path, records):
    """Return the receipt of a copy without bad records, and the records of the copy."""
    receipt = datacheck.rebuild(write(path, records), path.with_name("copy"), drop_bad=True)
    return receipt, read(path.with_name("copy"))


@pytest.mark.parametrize(
    ("way", "dumps", "loads"),
    [
        ("texts", lambda it: json.dumps(it).encode(), json.loads),
        ("numbers", pickle.dumps, pickle.loads),
        ("entries", msgpack.packb, msgpack.unpackb),
        ("counted", lambda it: json.dumps(it).encode(), json.loads),
    ],
)
def test_a_frame_that_is_gone_is_named_and_a_copy_lists_what_it_has(tmp_path, way, dumps, loads):
    listed = {b"frames": dumps(mapping(way))}
    assert scanned(tmp_path / "sound", frames() | listed) == []
    assert scanned(tmp_path / "gone", frames(gone=[GONE]) | listed) == [("dangling", "bad", [GONE.decode()])]
    _, copy = copied(tmp_path / "cut", frames(cut=[CUT]) | listed)
    assert loads(copy[b"frames"]) == mapping(way) | {"vid03": one_less(WAYS[way])}


def one_less(way):
    """Return what is said of vid03 without its frame 1."""
    left = way("vid03", 3)
    names = left["frames"] if isinstance(left, dict) else left
    del names[1]
    return left | ({"num_frames": 2} if "num_frames" in left else {}) if isinstance(left, dict) else left


def test_a_clip_that_loses_all_frames_leaves_the_mappings_of_clips(tmp_path):
    cut = [b"vid03/%04d" % it for it in range(3)]
    said = {"clips": mapping(), "labels": dict.fromkeys(LENGTHS, 1), "fps": 25, "num_clips": 12}
    _, copy = copied(tmp_path / "cut", frames(cut=cut) | {b"meta": json.dumps(said).encode()})
    left = {clip: it for clip, it in mapping().items() if clip != "vid03"}
    labels = dict.fromkeys(left, 1)
    assert json.loads(copy[b"meta"]) == {"clips": left, "labels": labels, "fps": 25, "num_clips": 11}


def test_a_list_of_clips_keys_with_a_prefix_and_clips_by_set_are_compared(tmp_path):
    store = frames(before=b"JPEGImages/", after=b".jpg", gone=[b"JPEGImages/vid05/0002.jpg"])
    rows = [{"video": clip, "frames": it, "label": at % 4} for at, (clip, it) in enumerate(mapping().items())]
    by_set = {"train": dict(list(mapping().items())[:9]), "val": dict(list(mapping().items())[9:])}
    for said in (rows, by_set):
        found = scanned(tmp_path / str(type(said)), store | {b"index": json.dumps(said).encode()})
        assert found == [("dangling", "bad", ["JPEGImages/vid05/0002.jpg"])]


def test_each_part_of_a_frame_is_compared(tmp_path):
    store = {it + part: value for part in (b"_rgb", b"_flow") for it, value in frames().items()}
    listed = {b"frames": json.dumps(mapping("numbers")).encode()}
    assert scanned(tmp_path / "sound", store | listed) == []
    del store[GONE + b"_flow"]
    assert scanned(tmp_path / "gone", store | listed) == [("dangling", "bad", [GONE.decode() + "_flow"])]
    receipt, copy = copied(tmp_path / "gone again", store | listed)
    assert json.loads(copy[b"frames"])["vid05"] == [0, 1, 3, 4]
    assert receipt.repairs.lists == ("frames",)


def test_a_mapping_in_another_database_is_compared_and_kept_true(tmp_path):
    index = {b"frames": json.dumps(mapping()).encode()}
    report = datacheck.scan(write_databases(tmp_path / "gone", {"frames": frames(gone=[GONE]), "index": index}))
    assert [it.details["first"] for it in report.findings] == [[GONE.decode()]]
    path = write_databases(tmp_path / "cut", {"frames": frames(cut=[CUT]), "index": index})
    datacheck.rebuild(path, tmp_path / "copy", drop_bad=True)
    copy = read_database(tmp_path / "copy", "index")
    assert json.loads(copy[b"frames"]) == mapping() | {"vid03": ["0000", "0002"]}


@pytest.mark.parametrize(
    "value",
    [
        pickle.dumps({clip: np.arange(count) for clip, count in LENGTHS.items()}),
        json.dumps({clip: {"frames": WAYS["texts"](clip, it), "times": [0.5] * it} for clip, it in LENGTHS.items()}),
    ],
    ids=["arrays", "with times"],
)
def test_a_mapping_that_cannot_be_written_or_on_which_something_depends_stays_and_is_named(tmp_path, value):
    raw = value if isinstance(value, bytes) else value.encode()
    receipt, copy = copied(tmp_path / "cut", frames(cut=[CUT]) | {b"frames": raw})
    assert copy[b"frames"] == raw
    assert "frames names keys of records as before: some may not be in the copy" in receipt.unkept


@pytest.mark.parametrize(
    "said",
    [
        {clip: [0, count] for clip, count in LENGTHS.items()},
        {clip: list(range(count + 1)) for clip, count in LENGTHS.items()},
        {clip: ["0", "1"] for clip in LENGTHS},
        {clip: ["run", "0002"] for clip in LENGTHS},
        {clip: list(range(0, 300, 30)) for clip in LENGTHS},
        {clip: WAYS["texts"](clip, 2 * count) for clip, count in LENGTHS.items()},
        {f"vid{at:02}": WAYS["texts"]("", 3) for at in range(60)},
    ],
    ids=["ends", "one too many", "classes", "names", "frames of the film", "of the film by name", "more clips"],
)
def test_a_mapping_of_something_else_or_of_a_whole_set_is_none_of_frames(tmp_path, said):
    for key in (b"meta", b"frames"):
        assert scanned(tmp_path / key.decode(), frames() | {key: json.dumps(said).encode()}) == []


def test_the_frames_of_each_object_are_compared_as_youtube_vos_lists_them(tmp_path):
    said = {clip: {"objects": {"1": {"category": "cat", "frames": it}}} for clip, it in mapping().items()}
    said["vid05"]["objects"]["2"] = {"category": "dog", "frames": ["0002"]}
    listed = {b"meta.json": json.dumps({"videos": said}).encode()}
    assert scanned(tmp_path / "sound", frames() | listed) == []
    assert scanned(tmp_path / "gone", frames(gone=[GONE]) | listed) == [("dangling", "bad", [GONE.decode()])]
    receipt, copy = copied(tmp_path / "cut", frames(cut=[CUT]) | listed)
    assert copy[b"meta.json"] == listed[b"meta.json"]
    assert "meta.json: videos names keys of records as before: some may not be in the copy" in receipt.unkept


def test_frames_under_each_of_two_folders_are_compared(tmp_path):
    store = frames(before=b"JPEGImages/") | frames(before=b"Annotations/")
    del store[b"JPEGImages/" + GONE]
    found = scanned(tmp_path / "gone", store | {b"meta.json": json.dumps({"videos": mapping()}).encode()})
    assert found == [("dangling", "bad", [f"JPEGImages/{GONE.decode()}"])]

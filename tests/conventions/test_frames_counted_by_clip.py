"""A record of each clip that says how many frames it has."""

import json
import pickle

import pytest
from convention_stores import picture, read, write

import datacheck

LENGTHS = {f"vid{at}": 4 + at % 4 for at in range(10)}
DUMPS = {"text": (lambda it: b"%d" % it, int), "pickle": (pickle.dumps, pickle.loads), "json": (json.dumps, json.loads)}


def clips(lengths=LENGTHS, *, frame="{}/frame_{:04}", count="{}/num_frames", said=None, dump=b"%d".__mod__, **changed):
    """Return the frames of each clip, and their number, or what is `said` instead; `cut` and `gone` name a frame."""
    made = {}
    for name, number in lengths.items():
        for at in range(number):
            key, value = frame.format(name, at), picture(len(made))
            if key != changed.get("gone"):
                made[key.encode()] = value[: len(value) // (1 + (key == changed.get("cut")))]
        value = dump((said or lengths)[name])
        made[count.format(name).encode()] = value if isinstance(value, bytes) else value.encode()
    return made


def counted(path):
    return [(it.verdict, it.details["key"]) for it in datacheck.scan(path).findings if it.code == "count"]


FORMS = [
    ("{}/frame_{:04}", "{}/num_frames"),
    ("{}_{:03}.jpg", "{}_len"),
    ("{}/rgb/{:05}.jpg", "{}/length"),
    ("{}-{}", "num_frames-{}"),
]


@pytest.mark.parametrize(("frame", "count"), FORMS)
def test_a_number_is_held_to_the_frames_and_true_in_a_copy(tmp_path, frame, count):
    form, (dump, load) = [*DUMPS.items()][FORMS.index((frame, count)) % len(DUMPS)]
    made = {"frame": frame, "count": count, "dump": dump}
    key = frame.format("vid3", 2)
    assert counted(write(tmp_path / "sound", clips(**made))) == [], form
    assert counted(write(tmp_path / "gone", clips(gone=key, **made))) == [("bad", count.format("vid3"))]
    source = write(tmp_path / "store", clips(cut=key, **made))
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert load(read(tmp_path / "copy")[count.format("vid3").encode()]) == 6
    assert any("counts what is left" in it for it in receipt.unkept)
    assert counted(tmp_path / "copy") == []


def test_one_of_few_clips_may_be_off(tmp_path):
    few = {"walk": 6, "run": 9, "jump": 4, "sit": 7}
    store = clips(few, gone="walk/frame_0005")
    assert counted(write(tmp_path / "store", store)) == [("bad", "walk/num_frames")]


def test_each_kind_of_frames_is_counted(tmp_path):
    store = clips(frame="{}/rgb_{:04}") | clips(frame="{}/flow_{:04}")
    assert counted(write(tmp_path / "sound", store)) == []
    del store[b"vid5/flow_0002"]
    assert counted(write(tmp_path / "store", store)) == [("bad", "vid5/num_frames")]


def test_a_clip_without_a_number(tmp_path):
    store = clips()
    del store[b"vid3/num_frames"]
    (finding,) = datacheck.scan(write(tmp_path / "store", store)).findings
    assert (finding.code, finding.verdict, finding.details["missing"]) == (
        "unpaired",
        "suspicious",
        ["vid3/num_frames"],
    )


OTHERS = {
    "of the film": {of: it * 30 for of, it in LENGTHS.items()},
    "others": {of: it + at % 3 for at, (of, it) in enumerate(LENGTHS.items())},
    "a rate": dict.fromkeys(LENGTHS, 24),
}


@pytest.mark.parametrize("said", OTHERS.values(), ids=OTHERS)
def test_numbers_of_something_else_are_left_as_they_are(tmp_path, said):
    assert counted(write(tmp_path / "sound", clips(said=said))) == []
    datacheck.rebuild(
        write(tmp_path / "store", clips(said=said, cut="vid3/frame_0002")), tmp_path / "copy", drop_bad=True
    )
    assert int(read(tmp_path / "copy")[b"vid3/num_frames"]) == said["vid3"]


def test_no_more_frames_than_so_many_may_have_been_taken(tmp_path):
    lengths = {f"vid{at}": 3 + at % 5 for at in range(40)} | {"vid40": 9}
    store = clips({of: min(it, 7) for of, it in lengths.items()}, said=lengths)
    assert counted(write(tmp_path / "store", store)) == [("suspicious", "vid40/num_frames")]
    datacheck.rebuild(tmp_path / "store", tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy")[b"vid40/num_frames"] == b"9"


@pytest.mark.parametrize("count", ["{}/label", "{}/fps", "{}/caption"])
def test_what_does_not_count_by_its_name(tmp_path, count):
    assert counted(write(tmp_path / "store", clips(count=count, gone="vid3/frame_0002"))) == []


SETS = {"train": 40, "val": 20}


def test_a_number_of_each_set_is_held_to_its_records(tmp_path):
    made = {"lengths": SETS, "frame": "{}_{}", "count": "{}_length"}
    assert counted(write(tmp_path / "sound", clips(**made))) == []
    assert counted(write(tmp_path / "gone", clips(gone="val_7", **made))) == [("bad", "val_length")]
    assert counted(write(tmp_path / "stale", clips(said=SETS | {"train": 41}, **made))) == [("bad", "train_length")]
    datacheck.rebuild(write(tmp_path / "store", clips(cut="train_7", **made)), tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert (copy[b"train_length"], copy[b"val_length"]) == (b"39", b"20")


def test_numbers_of_sets_that_are_far_from_their_records_count_something_else(tmp_path):
    for at, val in enumerate((512, 3)):
        store = clips(SETS, frame="{}_{}", count="{}_length", said={"train": 40, "val": val})
        assert counted(write(tmp_path / f"store{at}", store)) == []

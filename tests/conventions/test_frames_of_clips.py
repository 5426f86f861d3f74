"""A mapping that says how many frames each clip has."""

import json
import pickle

import pytest
from convention_stores import picture, read, write

import datacheck

DUMPS = {"json": (lambda it: json.dumps(it).encode(), json.loads), "pickle": (pickle.dumps, pickle.loads)}
LENGTHS = {f"clip{at:02}": 5 + at % 4 for at in range(12)}


def frames(lengths=LENGTHS, cut=None, gone=None, form=b"%s/%04d"):
    made = {}
    for name, count in lengths.items():
        for at in range(count):
            key = form % (name.encode(), at)
            value = picture(len(made))
            if key != gone:
                made[key] = value[: len(value) // (1 + (key == cut))]
    return made


def counted(path):
    report = datacheck.scan(path)
    return [(it.verdict, it.details["said"], it.details["found"]) for it in report.findings if it.code == "count"]


@pytest.mark.parametrize("name", [b"vid_num_frames", b"num_frames", b"lengths"])
@pytest.mark.parametrize("form", [b"%s/%04d", b"%s_%05d.jpg", b"%s-f%d"])
@pytest.mark.parametrize("how", DUMPS)
def test_a_number_of_frames_is_held_to_them_and_true_in_a_copy(tmp_path, name, form, how):
    dumps, loads = DUMPS[how]
    suffix = "-f" if form == b"%s-f%d" else ""
    lengths = {of + suffix: it for of, it in LENGTHS.items()}
    key = form % (b"clip03", 2)
    assert counted(write(tmp_path / "sound", frames(form=form) | {name: dumps(lengths)})) == []
    assert counted(write(tmp_path / "gone", frames(gone=key, form=form) | {name: dumps(lengths)})) == [("bad", 8, 7)]
    source = write(tmp_path / "store", frames(cut=key, form=form) | {name: dumps(lengths)})
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert loads(read(tmp_path / "copy")[name]) == lengths | {"clip03" + suffix: 7}
    assert any("counts what is left of clip03" in it for it in receipt.unkept)
    assert counted(tmp_path / "copy") == []


@pytest.mark.parametrize(
    "value",
    [
        {of: it * 30 for of, it in LENGTHS.items()},
        {of: it + (at % 3) for at, (of, it) in enumerate(LENGTHS.items())},
        dict.fromkeys(LENGTHS, 24),
        {of: [it, 16, 24] for of, it in LENGTHS.items()},
        {f"film{at}": 8 for at in range(12)},
        dict(list(LENGTHS.items())[:5]),
    ],
    ids=["of the film", "others", "a rate", "shapes", "other names", "few"],
)
def test_numbers_of_something_else_are_left_as_they_are(tmp_path, value):
    made = json.dumps(value).encode()
    assert counted(write(tmp_path / "sound", frames() | {b"num_frames": made})) == []
    datacheck.rebuild(
        write(tmp_path / "store", frames(cut=b"clip03/0002") | {b"num_frames": made}), tmp_path / "copy", drop_bad=True
    )
    assert read(tmp_path / "copy")[b"num_frames"] == made


@pytest.mark.parametrize(("name", "other"), [(b"fps", 25), (b"label", 3)])
def test_numbers_that_agree_by_chance_are_left_as_they_are(tmp_path, name, other):
    made = json.dumps(dict.fromkeys(LENGTHS, 10) | {"clip05": other}).encode()
    store = frames(dict.fromkeys(LENGTHS, 10), cut=b"clip03/0002") | {name: made}
    assert counted(write(tmp_path / "store", store)) == []
    datacheck.rebuild(tmp_path / "store", tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy")[name] == made


def test_clips_of_one_length_are_counted_by_what_says_so(tmp_path):
    lengths = dict.fromkeys(LENGTHS, 10)
    store = frames(lengths, gone=b"clip03/0002") | {b"num_frames": json.dumps(lengths).encode()}
    assert counted(write(tmp_path / "store", store)) == [("bad", 10, 9)]


def test_a_second_camera_makes_no_number_untrue(tmp_path):
    more = {b"clip05/%04d-right" % at: picture(900 + at) for at in range(LENGTHS["clip05"])}
    made = json.dumps(LENGTHS).encode()
    sound = frames() | more | {b"num_frames": made}
    assert counted(write(tmp_path / "sound", sound)) == [("suspicious", 6, 12)]
    datacheck.rebuild(write(tmp_path / "store", sound | frames(cut=b"clip03/0002")), tmp_path / "copy", drop_bad=True)
    assert json.loads(read(tmp_path / "copy")[b"num_frames"]) == LENGTHS | {"clip03": 7}


def test_the_sizes_of_classes_are_counted_alike(tmp_path):
    sizes = {f"class{chr(97 + at)}": 6 + at for at in range(10)}
    store = frames(sizes, cut=b"classc_000003", form=b"%s_%06d") | {b"class_counts": json.dumps(sizes).encode()}
    datacheck.rebuild(write(tmp_path / "store", store), tmp_path / "copy", drop_bad=True)
    assert json.loads(read(tmp_path / "copy")[b"class_counts"]) == sizes | {"classc": 7}


def test_the_receipt_says_that_frames_keep_their_numbers(tmp_path):
    store = {b"vid%d/%04d" % (clip, at): picture(10 * clip + at) for clip in range(10) for at in range(6)}
    store[b"vid3/0002"] = store[b"vid3/0002"][:90]
    receipt = datacheck.rebuild(write(tmp_path / "store", store), tmp_path / "copy", drop_bad=True)
    assert [it for it in receipt.unkept if "vid3/0002" in it and "counts up" in it] == list(receipt.unkept)
    assert len(receipt.unkept) == 1

"""Each clip has a record that lists its frames, as a text or JSON, by whole keys or by what follows the clip's name."""

import json
import pickle

import pytest
from convention_stores import picture, read, write

import datacheck

LENGTHS = {b"vid%02d" % at: 3 + at % 4 for at in range(12)}
WRITERS = {
    "bars": lambda it: b"|".join(it),
    "commas": lambda it: b",".join(it),
    "blanks": lambda it: b" ".join(it),
    "lines": lambda it: b"".join(name + b"\n" for name in it),
    "json": lambda it: json.dumps([name.decode() for name in it]).encode(),
    "pickle": pickle.dumps,
}


def frames(lengths=LENGTHS, suffix=b"", cut=(), gone=()):
    made = {}
    for clip, count in lengths.items():
        for at in range(count):
            key, value = b"%s/%04d%s" % (clip, at, suffix), picture(len(made))
            if key not in gone:
                made[key] = value[: 200 if key in cut else None]
    return made


def lists(how, ending=b"", whole=False, suffix=b"", lengths=LENGTHS):
    dumps = WRITERS[how]
    before = {it: it + b"/" if whole else b"" for it in lengths}
    return {
        clip + ending: dumps([b"%s%04d%s" % (before[clip], at, suffix) for at in range(count)])
        for clip, count in lengths.items()
    }


def findings(path, store):
    report = datacheck.scan(write(path, store))
    return [(it.code, it.verdict, it.details.get("first")) for it in report.findings]


@pytest.mark.parametrize(
    ("how", "ending", "whole", "suffix"),
    [
        ("bars", b"", False, b""),
        ("commas", b"/frames", False, b".jpg"),
        ("blanks", b"/frame_list", True, b""),
        ("lines", b"", True, b".jpg"),
        ("json", b"/frames", False, b""),
        ("pickle", b"", False, b".jpg"),
    ],
)
def test_a_listed_frame_that_is_gone_is_named_and_a_copy_lists_what_it_has(tmp_path, how, ending, whole, suffix):
    listed = lists(how, ending, whole, suffix)
    gone, cut = b"vid07/0002" + suffix, b"vid03/0002" + suffix
    assert findings(tmp_path / "sound", frames(suffix=suffix) | listed) == []
    assert findings(tmp_path / "lost", frames(suffix=suffix, gone=[gone]) | listed) == [
        ("dangling", "bad", [gone.decode()])
    ]
    datacheck.rebuild(
        write(tmp_path / "cut", frames(suffix=suffix, cut=[cut]) | listed), tmp_path / "copy", drop_bad=True
    )
    copy = read(tmp_path / "copy")
    names = [b"%04d" % at + suffix for at in (0, 1, 3, 4, 5)]
    assert copy[b"vid03" + ending] == WRITERS[how]([b"vid03/" * whole + it for it in names])
    assert {it: copy[it] for it in listed if not it.startswith(b"vid03")} == {
        it: listed[it] for it in listed if not it.startswith(b"vid03")
    }


def test_a_list_without_the_suffix_of_the_keys_is_compared(tmp_path):
    store = frames(suffix=b".jpg", gone=[b"vid03/0001.jpg"]) | lists("bars")
    assert findings(tmp_path / "lost", store) == [("dangling", "bad", ["vid03/0001.jpg"])]


def test_a_clip_that_loses_all_frames_loses_its_list(tmp_path):
    cut = [b"vid04/%04d" % at for at in range(3)]
    source = write(tmp_path / "store", frames(cut=cut) | lists("bars"))
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert receipt.dropped == 4
    assert [it for it in copy if it.startswith(b"vid04")] == []
    assert datacheck.scan(tmp_path / "copy").clean


@pytest.mark.parametrize(
    "listed",
    [
        {clip: b"|".join(b"%04d" % (5 * at) for at in range(40)) for clip in LENGTHS},
        dict.fromkeys(LENGTHS, b"walking|running|0001"),
        {clip + b"/caption": b"a man walks, a dog runs" for clip in LENGTHS},
        {clip: b"%04d" % count for clip, count in LENGTHS.items()},
    ],
    ids=["of the film", "labels", "captions", "numbers"],
)
def test_texts_of_clips_that_list_something_else(tmp_path, listed):
    assert [it for it in findings(tmp_path / "store", frames() | listed) if it[0] == "dangling"] == []
    datacheck.rebuild(write(tmp_path / "cut", frames(cut=[b"vid03/0002"]) | listed), tmp_path / "copy", drop_bad=True)
    assert {it: value for it, value in read(tmp_path / "copy").items() if it in listed} == listed

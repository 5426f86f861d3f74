"""All numbers and lists that one record holds are true in a copy, not only the last one that was worked out."""

import json

import pytest
from convention_stores import picture, read, write

import datacheck


def rebuilt(path, records):
    datacheck.rebuild(write(path / "store", records), path / "copy", drop_bad=True)
    return json.loads(read(path / "copy")[b"metadata"])


def numbered(cut=()):
    return {b"%08d" % at: picture(at)[: 200 if at in cut else None] for at in range(30)}


def frames(cut):
    made = {b"vid%02d/%04d" % (clip, at): picture(20 * clip + at) for clip in range(12) for at in range(3)}
    return {key: value[: 200 if key.startswith(cut) else None] for key, value in made.items()}


@pytest.mark.parametrize("other", ["num_images", "total_samples", "item_count"])
def test_two_numbers_of_the_records(tmp_path, other):
    about = {"num_samples": 30, other: 30, "size": 30, "num_frames": 30}
    expected = {"num_samples": 28, other: 28, "size": 30, "num_frames": 30}
    assert rebuilt(tmp_path, numbered(cut=(7, 20)) | {b"metadata": json.dumps(about).encode()}) == expected
    assert datacheck.scan(tmp_path / "copy").clean


def test_the_number_of_clips_beside_that_of_listed_frames(tmp_path):
    records = frames(cut=b"vid03/")
    about = {"num_videos": 12, "num_frames": 36}
    lists = {b"__keys__": json.dumps([it.decode() for it in records]).encode()}
    assert rebuilt(tmp_path, records | lists | {b"metadata": json.dumps(about).encode()}) == {
        "num_videos": 11,
        "num_frames": 33,
    }
    assert datacheck.scan(tmp_path / "copy").clean


def test_the_number_of_clips_beside_a_list_of_keys(tmp_path):
    records = frames(cut=b"vid03/")
    about = {"num_videos": 12, "keys": [it.decode() for it in records]}
    new = rebuilt(tmp_path, records | {b"metadata": json.dumps(about).encode()})
    assert new["num_videos"] == 11
    assert [it.encode() for it in new["keys"]] == [it for it in records if not it.startswith(b"vid03/")]

"""Test `show` of a record whose sample lacks another one: the record alone is sound."""

import json

import pytest
from commanding import datacheck as command
from convention_stores import picture, word_pictures, write

import datacheck


def shown(source, key, *options):
    made = command("show", source, key, *options)
    return made.returncode, [it.strip() for it in made.stdout.splitlines() if "unpaired" in it or "nothing wrong" in it]


def pairs(first=b"rgb-%05d", second=b"depth-%05d", without=(17,), count=40):
    made = {first % at: picture(at) for at in range(count)}
    return made | {second % at: picture(count + at) for at in range(count) if at not in without}


@pytest.mark.parametrize("part", ["image", "label"])
def test_a_part_that_a_named_convention_asks_for(tmp_path, part):
    other = {"image": "label", "label": "image"}[part]
    store = word_pictures(60)
    del store[f"{other}-000000017".encode()]
    source = write(tmp_path / "store", store)
    assert shown(source, f"{part}-000000017") == (1, [f"unpaired (bad): record: {other}-000000017 is not there"])
    for sound in ("image-000000018", "label-000000016", "num-samples"):
        assert shown(source, sound) == (0, ["nothing wrong"])
    assert shown(source, f"{part}-000000017", "--ignore", "unpaired")[0] == 0


@pytest.mark.parametrize(
    ("first", "second"), [(b"rgb-%05d", b"depth-%05d"), (b"scene%dx/rgb", b"scene%dx/depth"), (b"%d.x", b"%d.y")]
)
def test_a_part_that_other_samples_have(tmp_path, first, second):
    source = write(tmp_path / "store", pairs(first, second))
    status, (said,) = shown(source, (first % 17).decode())
    assert (status, said.split(":")[0]) == (3, "unpaired (unverifiable)")
    assert f"{(second % 17).decode()} is not there" in said
    assert shown(source, (first % 18).decode()) == (0, ["nothing wrong"])
    assert datacheck.scan(source).counts == {"unpaired": 1}


@pytest.mark.parametrize(
    "store",
    [
        {b"cat-%d" % at: picture(at) for at in range(40)} | {b"dog-%d" % at: picture(50 + at) for at in range(10)},
        pairs(b"train-%05d", b"val-%05d"),
        pairs(b"image-%05d", b"mask-%05d"),
        pairs(without=range(1, 40, 2)),
    ],
    ids=["classes", "sets", "masks", "some"],
)
def test_a_record_without_a_partner_that_need_not_have_one(tmp_path, store):
    source = write(tmp_path / "store", store)
    key = next(it for it in (b"cat-17", b"train-00017", b"image-00017", b"rgb-00017") if it in store)
    assert shown(source, key.decode()) == (0, ["nothing wrong"])


def test_what_is_wrong_with_the_record_itself_is_said_too(tmp_path):
    store = word_pictures(60)
    del store[b"label-000000017"]
    store[b"image-000000017"] = store[b"image-000000017"][:300]
    status, said = shown(write(tmp_path / "store", store), "image-000000017")
    assert (status, len(said)) == (1, 1)


def test_records_of_one_part_have_no_partners(tmp_path):
    store = {b"%d" % at: json.dumps({"x": [at / 7]}).encode() for at in range(40)} | {b"length": b"40"}
    assert shown(write(tmp_path / "store", store), "17") == (0, ["nothing wrong"])

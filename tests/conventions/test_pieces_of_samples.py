"""Several records of one kind for each picture, as five captions: they go, and get other numbers, with the picture."""

import pytest
from commanding import datacheck as command
from convention_stores import picture, read, write

import datacheck


def captioned(captions, count=60, cut=None, before=b"image-%09d", piece=b"caption-%09d-%d", **more):
    store = {b"num-samples": b"%d" % count}
    for number in range(1, count + 1):
        value = picture(number)
        store[before % number] = value[: len(value) // (1 + (number == cut))]
        for at in range(captions(number)):
            store[piece % (number, at)] = b"a cat %d, said %d" % (number, at)
        for name, made in more.items():
            store[name.encode() + b"-%09d" % number] = made(number)
    return store


def words_of(store, piece=b"caption-%09d-%d"):
    """Return the captions of each picture, as a loader has them that counts up."""
    made = {}
    for number in range(1, int(store[b"num-samples"]) + 1):
        its = [store[key] for at in range(40) if (key := piece % (number, at)) in store]
        made[store[b"image-%09d" % number]] = its
    return made


CAPTIONS = {"five": lambda _: 5, "two to five": lambda number: 2 + number % 4, "one": lambda _: 1, "nine": lambda _: 9}


@pytest.mark.parametrize("captions", CAPTIONS.values(), ids=CAPTIONS)
@pytest.mark.parametrize("labels", [False, True])
def test_captions_stay_with_their_picture(tmp_path, captions, labels):
    more = {"label": lambda number: b"word%d" % number} if labels else {}
    sound = captioned(captions, **more)
    assert datacheck.scan(write(tmp_path / "sound", sound)).counts == {}
    source = write(tmp_path / "store", captioned(captions, cut=17, **more))
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    expected = {image: its for image, its in words_of(sound).items() if image != picture(17)}
    assert words_of(read(tmp_path / "copy")) == expected
    assert datacheck.scan(tmp_path / "copy").counts == {}


def test_of_more_captions_than_that_people_are_told(tmp_path):
    source = write(tmp_path / "store", captioned(lambda _: 20, cut=17))
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert any("may name records of image-#, which have other numbers now" in it for it in receipt.unkept)


def test_pieces_that_are_numbered_otherwise_stay(tmp_path):
    store = captioned(lambda _: 0, cut=17) | {
        b"class-%03d-%s" % (number, of): b"text %d" % number for number in range(200, 230) for of in (b"0", b"1")
    }
    datacheck.rebuild(write(tmp_path / "store", store), tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert {key: it for key, it in copy.items() if key.startswith(b"class")} == {
        key: it for key, it in store.items() if key.startswith(b"class")
    }
    assert copy[b"num-samples"] == b"59"


def test_no_copy_is_offered_that_would_be_refused(tmp_path):
    store = captioned(lambda _: 0, cut=17) | {b"__keys__": b"\x80\x04\x95\xff\x00"}
    write(tmp_path / "store", store)
    done = command("scan", tmp_path / "store")
    assert "look at one" in done.stdout
    assert "a clean copy" not in done.stdout


@pytest.mark.parametrize("captions", [CAPTIONS["five"], CAPTIONS["two to five"]])
def test_a_count_of_captions_is_one(tmp_path, captions):
    every = sum(map(captions, range(1, 61)))
    said = {b"num-samples": b"%d" % every}
    assert datacheck.scan(write(tmp_path / "sound", captioned(captions) | said)).counts == {}
    off = datacheck.scan(write(tmp_path / "off", captioned(captions) | {b"num-samples": b"%d" % (every + 2)}))
    assert [(it.code, it.verdict) for it in off.findings] == [("count", "bad")]
    source = write(tmp_path / "store", captioned(captions, cut=17) | said)
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy")[b"num-samples"] == b"%d" % (every - captions(17))
    assert datacheck.scan(tmp_path / "copy").counts == {}

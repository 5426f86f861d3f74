"""What is kept of the records may be anything: odd numbers, lists of something else, very many keys."""

import json
import pickle
import zlib

import msgspec
import pytest
from convention_stores import atoms, picture, read, word_pictures, write

import datacheck


def wrong(report):
    return {(it.key, it.code) for it in report.findings if it.verdict == "bad"}


def numbered(count=40):
    return {b"%d" % number: pickle.dumps({"number": number}) for number in range(count)}


@pytest.mark.parametrize(
    "value", [b"9" * 30, b"-60", b"999999999999999999", b"1e3", b"True", b"6_0", b"9" * 9000], ids=len
)
def test_numbers_that_count_nothing(tmp_path, value):
    source = write(tmp_path / "store", word_pictures() | {b"num-samples": value})
    assert wrong(datacheck.scan(source)) == {(None, "count")}
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy") == word_pictures()


@pytest.mark.parametrize("value", [-1, 10**30, 1 << 63, 10**5000, True, 40.0, None, [40]], ids=range(8))
def test_pickles_that_count_nothing(tmp_path, value):
    source = write(tmp_path / "store", numbered() | {b"num_examples": pickle.dumps(value)})
    assert wrong(datacheck.scan(source)) == {(None, "count")}
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert pickle.loads(read(tmp_path / "copy")[b"num_examples"]) == 40


@pytest.mark.parametrize("deleted", [[-3, 10**30], ["a"], {"a": 1}, 7])
def test_deleted_ids_that_are_none(tmp_path, deleted):
    packed = zlib.compress(json.dumps(deleted).encode())
    source = write(tmp_path / "store", atoms() | {b"deleted_ids": packed})
    assert wrong(datacheck.scan(source)) == set()


@pytest.mark.parametrize("listed", [["cat", "dog"], [f"{at}.jpg" for at in range(40)]])
def test_a_list_of_something_else_is_no_list_of_keys(tmp_path, listed):
    for name, value in {"json": json.dumps(listed), "pickle": pickle.dumps([it.encode() for it in listed])}.items():
        raw = value.encode() if isinstance(value, str) else value
        report = datacheck.scan(write(tmp_path / name, numbered() | {b"keys": raw}))
        assert not {it.code for it in report.findings} & {"dangling", "count"}


def test_a_key_that_is_listed_twice(tmp_path):
    keys = [*numbered(), b"0", b"5", b"7"]
    records = numbered() | {b"__keys__": pickle.dumps(keys), b"__len__": pickle.dumps(43)}
    assert datacheck.scan(write(tmp_path / "sound", records)).status == 0
    source = write(tmp_path / "store", records | {b"5": b""})
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert pickle.loads(copy[b"__keys__"]) == [key for key in keys if key != b"5"]
    assert pickle.loads(copy[b"__len__"]) == 41


def test_a_list_of_some_of_the_records(tmp_path):
    keys = list(numbered())[:30]
    records = numbered() | {b"__keys__": pickle.dumps(keys), b"__len__": pickle.dumps(30)}
    assert wrong(datacheck.scan(write(tmp_path / "sound", records))) == set()
    source = write(tmp_path / "store", records | {b"5": b"", b"39": b""})
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert pickle.loads(copy[b"__keys__"]) == [key for key in keys if key != b"5"]
    assert pickle.loads(copy[b"__len__"]) == 29


def test_a_key_far_away(tmp_path):
    far = b"999999999999999999"
    source = write(tmp_path / "store", numbered() | {far: pickle.dumps({"number": 40}), b"length": b"41"})
    report = datacheck.scan(source)
    assert wrong(report) == {(None, "dangling")}
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy") == numbered(41) | {b"length": b"41"}


def test_keys_with_newlines(tmp_path):
    records = {b"a\n%d\nb" % number: picture(number, (8, 8)) for number in range(30)}
    records |= {b"c\n%d\nb" % number: picture(number, (8, 8)) for number in range(30)} | {b"length": b"30"}
    assert datacheck.scan(write(tmp_path / "sound", records)).status == 0
    source = write(tmp_path / "store", records | {b"a\n7\nb": b""})
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert copy.keys() == {b"%c\n%d\nb" % (name, at) for name in b"ac" for at in range(29)} | {b"length"}
    assert next(receipt.renamed()) == (r"a\x0a8\x0ab", r"a\x0a7\x0ab")


def test_patterns_of_which_one_is_in_another(tmp_path):
    records = {
        before + b"%d" % number: picture(number, (8, 8)) for before in (b"", b"a-", b"a1-") for number in range(40)
    }
    assert datacheck.scan(write(tmp_path / "sound", records | {b"length": b"40"})).status == 0
    source = write(tmp_path / "store", records | {b"length": b"40", b"a-12": b""})
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert len(read(tmp_path / "copy")) == 3 * 39 + 1


@pytest.mark.parametrize("option", [{"ignore": ["count"]}, {"skip": []}])
def test_ignoring_a_count_leaves_it_true_in_the_copy(tmp_path, option):
    source = write(tmp_path / "store", word_pictures() | {b"num-samples": b"75"})
    assert datacheck.scan(source, **option).status == (0 if "ignore" in option else 1)
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, **option)
    assert read(tmp_path / "copy") == word_pictures()


def test_a_sample_of_a_store_says_nothing_of_counts(tmp_path):
    source = write(tmp_path / "store", word_pictures() | {b"num-samples": b"75"})
    assert "count" not in datacheck.scan(source, sample="50%").counts


@pytest.mark.parametrize("count", [1, 9, 47, 48, 49, 53, 57, 58])
@pytest.mark.parametrize("form", ["text", "msgpack"])
def test_a_count_whose_one_byte_may_be_text_or_msgpack(tmp_path, count, form):
    """49 in msgpack is the byte of the text "1": what is nearer to the number of records is meant."""

    def written(number):
        return b"%d" % number if form == "text" else msgspec.msgpack.encode(number)

    records = {b"%05d" % number: picture(number, (8, 8)) for number in range(count)} | {b"length": written(count)}
    assert datacheck.scan(write(tmp_path / "sound", records)).status == 0
    if count > 40:
        source = write(tmp_path / "store", records | {b"00003": b"no picture"})
        datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
        assert read(tmp_path / "copy")[b"length"] == written(count - 1)

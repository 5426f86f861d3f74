"""Records that name others and, here and there, nothing: the last one of a clip has no next one."""

import json

import lmdb
import pytest
from convention_stores import picture, read, write

import datacheck

COUNT = 200


def frames(cut=(), gone=()):
    made = {b"frame-%05d" % at: picture(at) for at in range(COUNT) if at not in gone}
    return made | {b"frame-%05d" % at: picture(at)[:100] for at in cut}


def verdicts(report):
    return [(it.code, it.verdict) for it in report.findings]


def following(last):
    return {b"next-%05d" % at: b"frame-%05d" % (at + 1) for at in range(COUNT)} | {b"next-%05d" % (COUNT - 1): last}


@pytest.mark.parametrize("last", [b"end", b"none", b"frame-#", b"frame-00200"])
def test_the_end_of_a_chain_is_not_bad(tmp_path, last):
    report = datacheck.scan(write(tmp_path / "store", frames() | following(last)))
    assert verdicts(report) == [("dangling", "suspicious")]


def test_a_link_to_a_frame_between_others_is_bad(tmp_path):
    report = datacheck.scan(write(tmp_path / "store", frames(gone=[150]) | following(b"frame-00000")))
    assert ("dangling", "bad") in verdicts(report)


def neighbours(*by):
    named = ([at + it for it in by if 0 <= at + it < COUNT] for at in range(COUNT))
    return {b"near-%05d" % at: json.dumps([f"frame-{it:05}" for it in of]).encode() for at, of in enumerate(named)}


def test_a_place_in_a_window_of_neighbours_is_not_closed_up(tmp_path):
    windows = neighbours(-2, -1, 1, 2)
    assert verdicts(datacheck.scan(write(tmp_path / "sound", frames() | windows))) == []
    source = write(tmp_path / "store", frames(cut=[100]) | windows)
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert {key: copy.get(key) for key in windows if key != b"near-00100"} == {
        key: value for key, value in windows.items() if key != b"near-00100"
    }
    assert any(it.startswith("near-# names keys of records as before") for it in receipt.unkept)


def test_what_fills_up_the_list_of_a_short_clip_stays_in_a_copy(tmp_path):
    lists = {at: [f"frame-{8 * at + it:05}" for it in range(8)] for at in range(COUNT // 8)}
    lists[7][7] = "none"
    clips = {b"clip%03d" % at: json.dumps(of).encode() for at, of in lists.items()}
    assert verdicts(datacheck.scan(write(tmp_path / "sound", frames() | clips))) == [("dangling", "suspicious")]
    datacheck.rebuild(write(tmp_path / "store", frames(cut=[20]) | clips), tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert json.loads(copy[b"clip007"]) == lists[7]
    assert json.loads(copy[b"clip002"]) == [it for it in lists[2] if it != "frame-00020"]


def databases(path, several=(), **parts):
    with lmdb.open(str(path), map_size=1 << 28, max_dbs=4) as env, env.begin(write=True) as transaction:
        for part, records in parts.items():
            database = env.open_db(part.encode(), txn=transaction, dupsort=part in several)
            for key, value in records:
                transaction.put(key, value, db=database)
    return path


def read_all(path, part):
    with lmdb.open(str(path), readonly=True, lock=False, max_dbs=4) as env, env.begin() as transaction:
        database = env.open_db(part.encode(), txn=transaction, create=False)
        return [(bytes(key), bytes(value)) for key, value in transaction.cursor(database)]


def test_captions_keep_a_word_that_goes_from_the_vocabulary(tmp_path):
    words = {f"w{at}": json.dumps({"vector": [at / 7, 1.5]}).encode() for at in range(300)}
    texts = [[f"w{(7 * at + it) % 300}" for it in range(8)] for at in range(COUNT)]
    texts[50][2] = "unknown"
    captions = [(b"c%05d" % at, json.dumps(of).encode()) for at, of in enumerate(texts)]
    vocabulary = [(word.encode(), value) for word, value in words.items()]
    source = databases(tmp_path / "sound", vocabulary=vocabulary, captions=captions)
    assert datacheck.scan(source).bad == 0
    vocabulary[30] = (b"w30", b'{"vector": [4')
    source = databases(tmp_path / "store", vocabulary=vocabulary, captions=captions)
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert len(read_all(tmp_path / "copy", "vocabulary")) == 299
    assert read_all(tmp_path / "copy", "captions") == captions


def test_the_first_picture_of_a_class_is_missed(tmp_path):
    entries = [(b"class %d" % (at % 10), b"frame-%05d" % at) for at in range(COUNT)]
    parts = {"data": frames(gone=[3]).items(), "by_class": entries}
    source = databases(tmp_path / "store", ["by_class"], **parts)
    assert ("dangling", "bad") in verdicts(datacheck.scan(source))


def test_a_class_that_one_picture_has_no_prototype_for_is_not_bad(tmp_path):
    names = ["cat", "dog", "owl", "bat", "cow", "elk", "fox", "hen", "pig"]
    labels = [(b"im%04d" % (3 * at), names[at % 9].encode()) for at in range(COUNT)]
    labels[150] = (b"im0450", b"rat")
    pictures = [(key, picture(at)) for at, (key, _) in enumerate(labels)]
    prototypes = [(name.encode(), picture(900 + at)) for at, name in enumerate(names)]
    source = databases(tmp_path / "store", prototypes=prototypes, images=pictures, labels=labels)
    assert datacheck.scan(source).bad == 0

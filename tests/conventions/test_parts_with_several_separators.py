"""Test samples whose parts end alike or have several separators, such as X.txt, X.mask.txt and X_mask.png."""

import hashlib

import pytest
from building import write_lmdb
from convention_stores import read

import datacheck
from datacheck.conventions.keys.stem_parts import mixed_stems_in
from datacheck.conventions.keys.stems import Stems, Unpaired

COUNT = 40
NAMES = [hashlib.md5(b"%d" % at).hexdigest().encode() for at in range(COUNT)]


def records(*endings, some=b"", every=3, count=b"40"):
    """Return a text for each ending of all names, and with the ending `some` for each third of them."""
    result = {name + it: b"about %d, %s" % (at, it) for at, name in enumerate(NAMES) for it in endings}
    result |= {name + some: b"some %d" % at for at, name in enumerate(NAMES) if some and at % every == 0}
    return result | ({b"num_samples": count} if count else {})


def found(path):
    return [(it.key, it.code, it.verdict) for it in datacheck.scan(path, workers=1).findings]


LAYOUTS = {
    "ends like another": ((b".json", b".txt"), b".mask.txt"),
    "one of all": ((b".json", b".txt", b".mask.txt"), b""),
    "other separator": ((b".txt", b"_mask.txt"), b""),
    "some of one part": ((b".txt",), b"_mask.txt"),
    "no ending": ((b"", b"_mask"), b""),
}


@pytest.mark.parametrize(("endings", "some"), LAYOUTS.values(), ids=LAYOUTS)
def test_a_count_of_samples_is_true_and_they_go_whole(tmp_path, endings, some):
    made = records(*endings, some=some)
    path = write_lmdb(tmp_path / "sound", made)
    assert found(path) == []
    bad = NAMES[3] + endings[0]
    path = write_lmdb(tmp_path / "bad", made | {bad: b"\xff\xfe\xfd"})
    receipt = datacheck.rebuild(path, tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    gone = {it for it in made if it.startswith(NAMES[3])}
    assert copy == {key: it for key, it in made.items() if key not in gone} | {b"num_samples": b"39"}
    assert receipt.dropped == len(gone)


@pytest.mark.parametrize(("lost", "verdict"), [(b"_label", "bad"), (b"_mask", "suspicious")])
def test_a_part_that_is_lost(tmp_path, lost, verdict):
    made = records(b"", lost)
    del made[NAMES[5] + lost]
    assert found(write_lmdb(tmp_path / "env", made)) == [(NAMES[5].decode(), "unpaired", verdict)]


def test_records_about_others_are_no_samples(tmp_path):
    made = records(b"", b"_mask", count=b"") | {b"classes": b"cat\ndog", b"about": b"photos"}
    assert found(write_lmdb(tmp_path / "env", made)) == []


def test_a_wrong_count_is_bad(tmp_path):
    assert found(write_lmdb(tmp_path / "env", records(b".txt", some=b"_mask.txt", count=b"39"))) == [
        (None, "count", "bad")
    ]


def test_names_that_begin_alike_are_records_of_their_own():
    further = [b"%s_%s.png" % (name, (b"red", b"blue")[at % 2]) for at, name in enumerate(NAMES)]
    assert mixed_stems_in([*further, *(it + b".png" for it in NAMES)], counted=True) is None
    assert mixed_stems_in([it + b".png" for it in NAMES], counted=True) is None


def test_one_further_part_is_no_sample_if_its_name_says_so():
    keys = [it + end for it in NAMES for end in (b".jpg", b".txt")]
    for name, samples in ((b".mask.txt", COUNT), (b".red.txt", COUNT + 1)):
        unpaired = Unpaired(Stems((b".jpg", b".txt")))
        unpaired.take(sorted([*keys, NAMES[0] + name]))
        assert unpaired.groups().all == samples

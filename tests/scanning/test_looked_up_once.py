"""Test that a key that may show a convention is looked up once, however many conventions ask for it."""

from collections import Counter

import pytest
from building import write_lmdb

from datacheck.backends import open_store
from datacheck.model.settings import Settings
from datacheck.scanning.blame import Blamed
from datacheck.scanning.keys import brief, keeping, views
from datacheck.scanning.tasks import Job


class Watch:
    timeout = None
    patience = 1

    def note(self, place):
        pass


@pytest.mark.parametrize("size", [3, views.REMEMBERED + 1])
def test_each_key_is_looked_up_once_unless_its_value_is_large(tmp_path, monkeypatch, size):
    records = {b"image-%09d" % it: b"\xff\xd8" * 9 for it in range(1, 200)}
    records |= {b"label-%09d" % it: b"word" for it in range(1, 200)}
    path = write_lmdb(tmp_path / "env", {**records, b"num-samples": b"199", b"__keys__": b"x" * size})
    given, asked = views.value_of, Counter()

    def value_of(reader, key, part=""):
        asked[key] += 1
        return given(reader, key, part)

    monkeypatch.setattr(views, "value_of", value_of)
    known = Job(open_store(path), Settings())(keeping.Recognise({"": frozenset(records)}), Watch())
    assert "ocr" in [it.name for it in known[""].conventions]
    large = asked.pop(b"__keys__")
    assert (large > 1) == (size > views.REMEMBERED)
    assert asked == {b"num-samples": 1}  # the other names are known to be absent


def test_values_of_a_store_with_one_database_are_not_searched_for_counts_of_others(tmp_path, monkeypatch):
    records = {b"sample-%c" % letter: b"\xff\xd8" * 9 for letter in range(ord("a"), ord("t"))}
    path = write_lmdb(tmp_path / "env", records)
    asked = Counter()
    monkeypatch.setattr(views, "value_of", lambda reader, key, part="": asked.update([key]))
    Job(open_store(path), Settings())(keeping.Recognise({"": frozenset(records)}, frozenset({""})), Watch())
    assert not asked


def test_a_database_that_cannot_be_read_says_nothing_about_those_behind_it(tmp_path, monkeypatch):
    for name in (b"a", b"b", b"c"):
        path = write_lmdb(tmp_path / "env", {b"0": b"x", b"length": b"1"}, name=name)
    given = brief.for_keys

    def for_keys(reader, shard, limit=None):
        if shard.part == "b":
            raise Blamed("unreadable")
        return given(reader, shard, limit)

    monkeypatch.setattr(brief, "for_keys", for_keys)
    kept = Job(open_store(path), Settings())(brief.RecogniseBriefly(dict.fromkeys("abc", 2)), Watch()).kept
    assert [(name, known.brief) for name, known in kept.items()] == [("a", False), ("b", True), ("c", False)]
    assert b"length" in kept["c"].own

"""What has as many rows as something else in the other sets of a file is meant to have as many in every one."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck
from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.samples import set_counts

ROWS = {"train": 40, "valid": 12, "test": 9}


def write(path, spell="{}/{}", sets=ROWS, **short):
    """Write lines and their texts for each set; `short` is how many texts a set lacks."""
    with h5py.File(path, "w") as file:
        for name, rows in sets.items():
            texts = np.array([f"line {it}".encode() for it in range(rows)])
            file[spell.format(name, "pages")] = np.random.default_rng(rows).integers(0, 256, (rows, 24, 9), np.uint8)
            file[spell.format(name, "words")] = texts[: rows - short.get(name, 0)]
            file[spell.format(name, "alphabet")] = np.array([b"a", b"b", b"c"])
    return path


def said(path):
    return [(it.verdict, it.message) for it in datacheck.scan(path, workers=1).findings if it.code == "row-count"]


@pytest.mark.parametrize("spell", ["{}/{}", "{1}_{0}", "set_{0}/of_{1}"])
@pytest.mark.parametrize("name", ROWS)
def test_one_set_that_lacks_rows_is_named(tmp_path, spell, name):
    assert said(write(tmp_path / "sound.h5", spell)) == []
    ((verdict, message),) = said(write(tmp_path / "a.h5", spell, **{name: 2}))
    path = "/" + spell.format(name, "words")
    assert verdict == "bad"
    assert f"{path} has {ROWS[name] - 2} rows" in message
    assert "in the other sets they agree" in message


def test_one_other_set_alone_makes_it_suspicious(tmp_path):
    both = {"train": 40, "test": 9}
    assert said(write(tmp_path / "sound.h5", sets=both)) == []
    ((verdict, _),) = said(write(tmp_path / "a.h5", sets=both, test=3))
    assert verdict == "suspicious"


def test_a_set_without_labels_is_sound(tmp_path):
    with h5py.File(write(tmp_path / "a.h5"), "a") as file:
        del file["test/words"]
        file["test/words"] = np.zeros(0, "S8")
    assert said(tmp_path / "a.h5") == []


def test_lengths_that_agree_by_chance_tell_nothing(tmp_path):
    with h5py.File(write(tmp_path / "a.h5"), "a") as file:
        for name, (boxes, pages) in {"train": (50, 40), "valid": (31, 12), "test": (9, 9)}.items():
            file[f"{name}/boxes"] = np.random.default_rng(pages).normal(size=(boxes, 4))
    assert said(tmp_path / "a.h5") == []


def columns(path, count, sets, lengths, name="column_{}"):
    """Write `count` datasets in each set, of as many rows as `lengths` says for a set and a number."""
    with h5py.File(path, "w") as file:
        for of in sets:
            for number in range(count):
                rows = int(lengths(of, number))
                file[f"{of}/{name.format(number)}"] = np.random.default_rng(number).normal(size=(rows, 2))
    return path


@pytest.mark.parametrize("count", [3, 128, 129, 300])
def test_of_however_many_the_one_that_lacks_rows_is_named(tmp_path, count):
    def lengths(of, number):
        return {"train": 40, "valid": 20, "test": 30}[of] - (of == "test" and number == 2)

    ((verdict, message),) = said(columns(tmp_path / "a.h5", count, ("train", "valid", "test"), lengths))
    assert verdict == "bad"
    assert "/test/column_2 has 29 rows" in message


@pytest.mark.parametrize("sets", [("train", "test"), ("train", "valid", "test")])
@pytest.mark.parametrize("count", [12, 60, 200])
def test_sentences_that_are_a_dataset_each_have_lengths_of_their_own(tmp_path, sets, count):
    r = np.random.default_rng(count)
    assert said(columns(tmp_path / "a.h5", count, sets, lambda *_: r.integers(20, 60), "sentence_{}")) == []


def test_columns_that_all_agree_but_in_one_set_are_named(tmp_path):
    def lengths(of, number):
        return {"train": 40, "valid": 20, "test": 30 + number}[of]

    assert [verdict for verdict, _ in said(columns(tmp_path / "a.h5", 4, ("train", "valid", "test"), lengths))] == [
        "bad"
    ] * 2


def test_sets_that_differ_in_too_many_ways_are_named(tmp_path):
    words = ("train", "val", "test", "dev", "eval", "trainval", "holdout")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for number in range(3, 1 << len(words)):
            for at, of in enumerate(words):
                if number >> at & 1:
                    file[f"{of}/c{number}"] = np.arange(7.0)
    (finding,) = (it for it in datacheck.scan(tmp_path / "a.h5", workers=1).findings if "sets" in it.message)
    assert (finding.code, finding.verdict) == ("unsupported", "unverifiable")


def in_pairs(rows):
    """Return what differs, of members by name with their rows in each set: every pair compared, in order."""
    told, made = set(), []
    for one in sorted(rows):
        for other in (it for it in sorted(rows) if it > one):
            both = [name for name in rows[one] if name in rows[other] and rows[one][name] and rows[other][name]]
            odd = [it for it in both if rows[one][it] != rows[other][it]]
            alike = {rows[one][it] for it in both if rows[one][it] == rows[other][it] > 1}
            shown = len(alike) > 1 or (len(both) == 2 and max(alike, default=0) >= set_counts.LONG)
            if len(odd) == 1 and shown and not told & {(one, odd[0]), (other, odd[0])}:
                told |= {(one, odd[0]), (other, odd[0])}
                made.append((f"/{odd[0]}/{one}", f"/{odd[0]}/{other}", len(alike) > 1))
    return made


@pytest.mark.parametrize("sets", [("train", "test"), ("train", "valid", "test")])
def test_what_agrees_elsewhere_is_found_as_if_every_pair_were_compared(monkeypatch, sets):
    monkeypatch.setattr(set_counts, "_by_chance", lambda *_: False)
    r = np.random.default_rng(8)
    found = 0
    for count in (2, 3, 5, 9, 20) * 40:
        rows = {f"c{at:02}": {of: int(r.choice([1, 9, 20, 30])) for of in sets} for at in range(count)}
        its = [
            Dataset(f"/{of}/{name}".encode(), (n, 2), np.dtype("f4"))
            for name, of_it in rows.items()
            for of, n in of_it.items()
        ]
        made = [(*it.details["rows"], it.verdict == "bad") for it in set_counts.set_counts([(b"", its)], ())]
        assert made == in_pairs(rows)
        found += len(made)
    assert found > 100

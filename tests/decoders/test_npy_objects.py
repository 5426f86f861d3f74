"""Test object arrays in .npy bytes: a pickle after a header, as `numpy.save` writes a mapping of features."""

import io
import pickle

import numpy as np
import pytest
from building import write_lmdb

import datacheck
from datacheck.decoders import kind

COUNT = 40


def features(number, spoiled=False):
    random = np.random.default_rng(number)
    made = random.standard_normal((10, 16), np.float32)
    if spoiled:
        made[2, 3] = np.nan
    return {"features": made, "bbox": random.random((10, 4)), "image_width": 640}


def saved(it):
    out = io.BytesIO()
    np.save(out, it, allow_pickle=True)
    return out.getvalue()


def archived(it):
    out = io.BytesIO()
    np.savez(out, x=np.arange(6.0), info=np.array(it, object))
    return out.getvalue()


FORMS = {"alone": (saved, ""), "in an archive": (archived, "info/")}


@pytest.mark.parametrize("form", FORMS)
def test_what_is_in_them_is_judged(tmp_path, form):
    of, before = FORMS[form]
    records = {b"%04d" % at: of(features(at)) for at in range(COUNT)}
    report = datacheck.scan(write_lmdb(tmp_path / "sound", records))
    assert (report.clean, list(report.findings)) == (True, [])
    records[b"0007"] = of(features(7, spoiled=True))
    report = datacheck.scan(write_lmdb(tmp_path / "bad", records))
    found = [(it.key, it.code, it.field, it.details.get("first")) for it in report.findings]
    assert found == [("0007", "nan", f"{before}features", [2, 3])]


def test_a_cut_one_is_told_from_the_others(tmp_path):
    records = {b"%04d" % at: saved(features(at)) for at in range(COUNT)}
    records[b"0009"] = records[b"0009"][:600]
    report = datacheck.scan(write_lmdb(tmp_path / "db", records))
    assert [(it.key, it.code, it.message) for it in report.findings] == [
        ("0009", "truncated", "ends at byte 600 inside the pickle")
    ]


def test_several_objects_are_items(tmp_path):
    arrays = [np.arange(3.0), np.arange(5.0), None]
    path = write_lmdb(tmp_path / "db", {b"%04d" % at: saved(np.array(arrays, object)) for at in range(COUNT)})
    report = datacheck.scan(path)
    (profile,) = report.profile.families.values()
    assert (report.clean, profile.decoder, sorted(profile.fields)) == (True, "pickle", ["[0]", "[1]"])


class Command:
    def __reduce__(self):
        return eval, ("1 + 1",)


@pytest.mark.parametrize("form", FORMS)
def test_one_that_would_run_something_is_told(tmp_path, form):
    of, _ = FORMS[form]
    records = {b"%04d" % at: of(features(at)) for at in range(COUNT)}
    records[b"0007"] = of(features(7) | {"more": Command()})
    report = datacheck.scan(write_lmdb(tmp_path / "db", records))
    assert ("0007", "unsafe-pickle") in [(it.key, it.code) for it in report.findings]


def test_numbers_and_texts_are_no_pickles():
    assert [kind(saved(np.array(it))) for it in ([1.5, 2], ["a", "b"])] == ["npy", "npy"]
    assert kind(saved(np.array(["a", None], object))) == kind(pickle.dumps(["a", None])) == "pickle"

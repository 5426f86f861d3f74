"""Test labels in trees that only `--label-field` names, and `--labels` if nothing is a label."""

import json
import pickle

import numpy as np
import pytest
from convention_stores import picture, write

import datacheck
from datacheck.reporting.advice import advice

FORMS = {"pickle": pickle.dumps, "json": lambda it: json.dumps(it).encode()}


def rows(count=60):
    values = np.random.default_rng(5).normal(size=(count, 6)).tolist()
    return [{"x": values[at], "meta": {"cls_id": at % 4, "parts": [at % 4, 1, 2]}} for at in range(count)]


def scanned(path, rows, form="pickle", **options):
    report = datacheck.scan(write(path, {b"%d" % at: FORMS[form](it) for at, it in enumerate(rows)}), **options)
    return report, [(it.key, it.code, it.verdict, it.field) for it in report.findings]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["cls_id", "meta/cls_id"])
def test_a_part_that_is_named(tmp_path, form, name):
    made = rows()
    report, _ = scanned(tmp_path / "sound", made, form, labels=4, label_field=name)
    assert report.clean
    assert report.statistics["meta/cls_id"].counts == dict.fromkeys("0123", 15)
    made[7]["meta"]["cls_id"] = 99
    del made[9]["meta"]["cls_id"]
    made[11]["meta"]["cls_id"] = None
    made[13]["meta"]["cls_id"] = 1.5
    _, said = scanned(tmp_path / "store", made, form, labels=4, label_field=name)
    assert said == [(f"{at}", "label", "bad", "meta/cls_id") for at in (11, 13, 7, 9)]


def test_a_list_and_an_item(tmp_path):
    made = rows()
    made[7]["meta"]["parts"][1] = 99
    _, said = scanned(tmp_path / "list", made, labels=4, label_field="parts")
    assert said == [("7", "label", "bad", "meta/parts")]
    tuples = [(np.full((4, 4), at), at % 4, np.arange(3.0) + at) for at in range(60)]
    tuples[7] = (*tuples[7][:1], -1, tuples[7][2])
    _, said = scanned(tmp_path / "item", tuples, labels=4, label_field="[1]")
    assert ("7", "label", "bad", "[1]") in said


def test_bounds_of_labels_where_nothing_is_one(tmp_path):
    """The store is not clean, since nothing was compared with the bounds."""
    report, said = scanned(tmp_path / "store", rows(), labels=4)
    assert said == [(None, "label", "unverifiable", None)]
    assert report.status == 3
    assert "--labels checked nothing; the fields are meta/cls_id, meta/parts, x" in report.findings[0].message
    assert "to decide: label: --label-field NAME says what is a label; --ignore label" in str(advice(report, ()))
    pictures = write(tmp_path / "pictures", {b"%d" % at: picture(at) for at in range(40)})
    assert datacheck.scan(pictures, labels=4).status == 3
    assert datacheck.scan(pictures).clean
    assert datacheck.scan(pictures, labels=4, skip=["label"]).clean
    assert datacheck.scan(pictures, labels=4, ignore=["label"]).status == 0


def test_one_worker_or_many_say_the_same(tmp_path):
    made = rows(200)
    made[7]["meta"]["cls_id"] = 99
    write(tmp_path / "store", {b"%d" % at: pickle.dumps(it) for at, it in enumerate(made)})
    one, two = (datacheck.scan(tmp_path / "store", labels=4, label_field="cls_id", workers=it) for it in (1, 2))
    assert [it.key for it in one.findings] == [it.key for it in two.findings] == ["7"]


def classed(name, count=60, **more):
    return [{"x": [float(at), at / 3], name: at % 4, **more} for at in range(count)]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["class_id", "category_id", "classId", "label-idx"])
def test_bounds_of_labels_are_of_the_number_of_a_class_where_nothing_else_is_a_label(tmp_path, form, name):
    made = classed(name)
    report, said = scanned(tmp_path / "sound", made, form, labels=4)
    assert (report.status, said) == (0, [])
    made[7][name], made[9][name] = 99, None
    del made[11][name]
    _, said = scanned(tmp_path / "store", made, form, labels=4)
    assert sorted(said) == [(f"{at}", "label", "bad", name) for at in ("11", "7", "9")]


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        ([{"x": at / 2, "label": at % 4, "class_id": at} for at in range(60)], 0),  # another field is the label
        (classed("class_id", category_id=7), 3),  # either field may be the label
        ([{"x": 1.5, "objects": [{"category_id": at % 9}] * (at % 3)} for at in range(60)], 3),
        ([{"x": at / 2, "category": f"no. {at % 4}"} for at in range(60)], 3),
        ([{"x": at / 2, "object_id": at % 9} for at in range(60)], 3),
    ],
    ids=["a label beside", "two of them", "of objects", "a text", "another number"],
)
def test_what_is_not_plainly_the_class_of_a_record_is_not_taken_for_it(tmp_path, rows, status):
    report, said = scanned(tmp_path / "store", rows, "json", labels=4)
    assert report.status == status
    assert {(code, verdict) for _, code, verdict, _ in said} <= {("label", "unverifiable")}


def test_without_bounds_the_number_of_a_class_is_a_number(tmp_path):
    made = classed("class_id")
    made[7]["class_id"] = -1
    report, said = scanned(tmp_path / "store", made, "json")
    assert (report.status, said) == (0, [])
    assert report.statistics["class_id"].counts is None

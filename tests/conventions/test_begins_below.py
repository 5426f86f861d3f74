"""Word pictures that are numbered from 0, where loaders count from 1: the last one they ask for is not there."""

import pytest
from convention_stores import load_words, read, word_pictures, write

import datacheck


def from_zero(count=60, said=None):
    sound = word_pictures(count)
    records = {b"num-samples": b"%d" % (count if said is None else said)}
    for number in range(1, count + 1):
        for part in (b"image", b"label"):
            records[b"%s-%09d" % (part, number - 1)] = sound[b"%s-%09d" % (part, number)]
    return records


def test_the_loader_asks_for_one_more_than_there_is(tmp_path):
    source = write(tmp_path / "store", from_zero())
    with pytest.raises(KeyError):
        load_words(source)
    report = datacheck.scan(source)
    (finding,) = report.findings
    assert (report.status, finding.key, finding.code, finding.verdict) == (1, None, "dangling", "bad")
    assert "begins with 0" in finding.message
    assert "never reads image-000000000, and asks for image-000000060, which is not there" in finding.message


def test_the_copy_is_numbered_as_the_loader_counts(tmp_path):
    datacheck.rebuild(write(tmp_path / "store", from_zero()), tmp_path / "copy", drop_bad=True)
    assert len(load_words(tmp_path / "copy")) == 60
    assert read(tmp_path / "copy") == word_pictures()
    assert datacheck.scan(tmp_path / "copy").clean


def test_a_first_one_that_is_never_read(tmp_path):
    findings = list(datacheck.scan(write(tmp_path / "store", from_zero(said=59))).findings)
    assert [it.code for it in findings] == ["dangling", "count"]
    assert "never reads image-000000000" in findings[0].message
    assert "which is not there" not in findings[0].message


def test_a_project_that_counts_from_zero_itself(tmp_path):
    source = write(tmp_path / "store", from_zero())
    assert datacheck.scan(source, convention="count").clean
    assert datacheck.scan(source, convention="none").clean


def test_those_from_one_on_are_sound(tmp_path):
    assert datacheck.scan(write(tmp_path / "store", word_pictures())).clean

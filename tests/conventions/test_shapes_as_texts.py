"""The shape beside raw arrays, in the ways in which scripts write it."""

import re

import pytest
from convention_stores import latents, read, write

from datacheck import rebuild, scan

FORMS = {
    "blanks": "{} 2 8",
    "commas": "{},2,8",
    "commas-blanks": "{}, 2, 8",
    "tuple": "({}, 2, 8)",
    "json": "[{}, 2, 8]",
}


def store(form, says=40):
    return {**latents(), b"latents_shape": FORMS[form].format(says).encode()}


def counted(report):
    return [it.code for it in report.findings if it.code in ("count", "dangling")]


@pytest.mark.parametrize("form", FORMS)
def test_the_count_in_a_shape_is_read_and_written_as_it_was(form, tmp_path):
    write(tmp_path / "sound", store(form))
    report = scan(tmp_path / "sound", workers=1)
    assert (counted(report), [it.name for it in report.conventions]) == ([], ["latents"])
    write(tmp_path / "more", store(form, says=400))
    assert counted(scan(tmp_path / "more", workers=1)) == ["count"]
    records = store(form)
    records[b"latents_7_data"] = b""
    write(tmp_path / "bad", records)
    rebuild(tmp_path / "bad", tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert copy[b"latents_shape"] == FORMS[form].format(39).encode()
    assert len([it for it in copy if re.fullmatch(rb"latents_[0-9]+_data", it)]) == 39


def test_a_count_of_several_numbers_is_none(tmp_path):
    write(tmp_path / "env", {**latents(), b"prompts_shape": b"1,000 items"})
    assert counted(scan(tmp_path / "env", workers=1)) == ["count"]

"""Test base64 with the URL-safe alphabet: `-` and `_` instead of `+` and `/`."""

import base64

import pytest
from convention_stores import picture, write

import datacheck

FORMS = {"urls": base64.urlsafe_b64encode, "usual": base64.b64encode}


def texts(form, count=40):
    made = {b"%d" % (1000 + at): FORMS[form](picture(at)) for at in range(count)}
    marks = b"-_" if form == "urls" else b"+/"
    assert all(any(letter in value for value in made.values()) for letter in marks)
    return made


@pytest.mark.parametrize("form", FORMS)
def test_pictures_are_seen_through_it(tmp_path, form):
    assert datacheck.scan(write(tmp_path / "store", texts(form))).clean


@pytest.mark.parametrize("form", FORMS)
def test_what_is_broken_in_it_is_named(tmp_path, form):
    records = texts(form)
    records[b"1007"] = records[b"1007"][:401]
    records[b"1011"] = FORMS[form](picture(11)[:300])
    records[b"1013"] = records[b"1013"][:200] + b"*" + records[b"1013"][201:]
    said = {it.key: it.code for it in datacheck.scan(write(tmp_path / "store", records)).findings}
    assert said == {"1007": "truncated", "1011": "truncated", "1013": "undecodable"}

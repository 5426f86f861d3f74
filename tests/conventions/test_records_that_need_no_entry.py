"""Test mappings that have no entry for one of the records, and need none."""

import json

import pytest
from convention_stores import picture, write

import datacheck

NUMBERED = [f"photo{at:03}.jpg" for at in range(30)]
NAMED = [f"{first}{second}ll.jpg" for first in "bdfhmtw" for second in "aeiou"][:30]


@pytest.mark.parametrize(
    ("keys", "name"),
    [(NUMBERED, "train_captions"), (NUMBERED, "parent"), (NAMED, "metadata")],
    ids=["set", "relation", "words"],
)
def test_a_record_that_needs_no_entry_is_not_named(tmp_path, keys, name):
    records = {key.encode(): picture(at) for at, key in enumerate(keys)}
    entries = {name.encode(): json.dumps({key: f"a photo, {at}" for at, key in enumerate(keys[:-1])}).encode()}
    report = datacheck.scan(write(tmp_path / "store", records | entries), workers=1)
    assert [it.message for it in report.findings if it.code == "unpaired"] == []

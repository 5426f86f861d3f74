"""Test the time that it takes to tell whether a key is the name of a record about the others."""

import subprocess
import sys

import pytest

from datacheck.scanning.profile.side_records import is_side_record


def test_a_long_key_of_such_words_takes_no_time():
    text = (
        "from datacheck.scanning.profile.side_records import is_side_record as f; assert not f(b'metadata' * 60 + b'!')"
    )
    subprocess.run([sys.executable, "-c", text], check=True, timeout=20)


@pytest.mark.parametrize("name", [b"__dataset_class_names__", b"normalization-statistics.json", b"metadata"])
def test_names_of_usual_length_are_told(name):
    assert is_side_record(name)

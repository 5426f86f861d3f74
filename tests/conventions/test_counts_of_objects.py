"""Counts under names that detection and text datasets give to objects and words."""

import pytest
from convention_stores import picture, read, write

import datacheck


@pytest.mark.parametrize("name", [b"num_instances", b"total_count"])
def test_a_count_of_objects_is_none_of_records(tmp_path, name):
    records = {b"%08d" % at: picture(at) for at in range(60)}
    assert datacheck.scan(write(tmp_path / "sound", records | {name: b"345"})).counts == {}
    source = write(tmp_path / "store", records | {name: b"345", b"00000007": records[b"00000007"][:100]})
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy")[name] == b"345"


@pytest.mark.parametrize("name", [b"num_instances", b"total_count"])
def test_where_it_is_the_number_of_records_it_is_true_in_a_copy(tmp_path, name):
    records = {b"%08d" % at: picture(at) for at in range(60)}
    source = write(tmp_path / "store", records | {name: b"60", b"00000007": records[b"00000007"][:100]})
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy")[name] == b"59"

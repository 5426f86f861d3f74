"""Test that a comparison with a report prints the command for a copy without what is in both stores."""

import pytest
from building import key, raw_records, write_lmdb
from commanding import datacheck, shell


@pytest.fixture
def stores(tmp_path):
    """Write two stores of 20 records, of which 3 are in both, and one of them twice in the second."""
    records = raw_records(40)
    first = {key(it): records[key(it)] for it in range(20)}
    second = {key(it): records[key(it)] for it in range(17, 37)}
    write_lmdb(tmp_path / "a", first)
    write_lmdb(tmp_path / "b", second | {key(90): records[key(36)]})
    return tmp_path


def commands(folder, *options):
    said = datacheck("compare", "a", "b", *options, cwd=folder).stdout
    return [it.partition(": ")[2] for it in said.splitlines() if it.startswith("a copy without them: ")]


def test_the_printed_command_leaves_them_out(stores):
    (command,) = commands(stores, "--report", "pairs.json")
    assert command == "datacheck rebuild b b_clean --drop leak --drop duplicate --from-report pairs.json"
    assert shell(command, cwd=stores).returncode == 0
    assert datacheck("compare", "a", "b_clean", cwd=stores).stdout.count("compared: no duplicates, no leaks") == 2


@pytest.mark.parametrize("options", [[], ["--report", "pairs.html"], ["--strict"]])
def test_there_is_none_without_a_report_to_read(stores, options):
    assert commands(stores, *options) == []

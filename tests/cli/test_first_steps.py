"""Test what a newcomer sees first: the command without arguments, and a source whose name looks like an option."""

import pytest
from building import raw_records, write_lmdb
from commanding import datacheck, shell


def test_without_arguments_the_help_is_shown():
    asked, done = datacheck("--help"), datacheck()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == asked.stdout
    assert len(done.stderr.splitlines()) > 30


@pytest.mark.parametrize("name", ["-dash", "--dash"])
def test_a_source_that_begins_with_a_dash(tmp_path, name):
    write_lmdb(tmp_path / "store", raw_records(20)).rename(tmp_path / name)
    done = datacheck("scan", name, cwd=tmp_path)
    *_, error = done.stderr.splitlines()
    assert done.returncode == 2
    assert error.endswith(f"; to name the file: ./{name}")
    assert datacheck("scan", f"./{name}", cwd=tmp_path).returncode == 0


def test_an_unknown_option_is_no_file(tmp_path):
    done = datacheck("scan", "--zzz", cwd=tmp_path)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, "Error: No such option '--zzz'.")


def test_a_key_that_is_not_there_leads_to_those_that_are(tmp_path):
    write_lmdb(tmp_path / "a b", raw_records(20))
    said = datacheck("show", "a b", "5", cwd=tmp_path).stderr
    hint = said.partition("; to see the first keys: ")[2]
    assert "first keys: 00000000, 00000001" in shell(hint, cwd=tmp_path).stdout

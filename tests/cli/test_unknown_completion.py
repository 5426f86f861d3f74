"""Test that a shell that asks for completions in an unknown way gets status 2, not that of bad records."""

import pytest
from building import key, raw_records, write_lmdb
from commanding import process


@pytest.mark.parametrize("asked", ["x", "bash", "cmd_source", "bash_nothing"])
def test_an_unknown_request_of_a_shell_could_not_run(asked):
    done = process("scan", "nothing", env={"PATH": "/usr/bin:/bin", "_DATACHECK_COMPLETE": asked})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"datacheck: _DATACHECK_COMPLETE is '{asked}'")


def test_an_empty_request_is_none_and_changes_no_status(tmp_path):
    store = write_lmdb(tmp_path / "env", raw_records(5) | {key(3): b""})
    done = process("scan", store, env={"PATH": "/usr/bin:/bin", "_DATACHECK_COMPLETE": ""})
    assert (done.returncode, done.stderr) == (1, "")
    assert "NOT CLEAN: 1 bad" in done.stdout

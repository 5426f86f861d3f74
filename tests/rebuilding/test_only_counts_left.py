"""Test that a rebuild that would keep only records that count or list others writes nothing."""

import commanding
import pytest
from building import raw_records, write_lmdb
from convention_stores import read

BAD = dict.fromkeys(raw_records(12), b"")


@pytest.fixture(params=["scanned", "reported"])
def rebuild(tmp_path, request):
    """Return a function that rebuilds a store with these records, from an earlier report or not."""

    def run(records, *words):
        source, copy = write_lmdb(tmp_path / "source", records), tmp_path / "copy"
        report = tmp_path / "report.json"
        if request.param == "reported":
            commanding.datacheck("scan", source, "--decoder", "datum", "--report", report)
            words = (*words, "--from-report", report)
        return commanding.datacheck("rebuild", source, copy, "--decoder", "datum", "--drop-bad", *words), copy

    return run


@pytest.mark.parametrize("words", [(), ("--dry-run",)])
def test_nothing_is_written(rebuild, words):
    done, copy = rebuild(BAD | {b"num-samples": b"12"}, *words)
    said = "nothing was written: none of the 13 records but counts and lists of others would be left in a copy"
    assert (done.returncode, done.stdout.splitlines()[-1], copy.exists()) == (1, said, False)


def test_one_sound_sample_is_a_copy(rebuild):
    done, copy = rebuild(BAD | dict([*raw_records(12).items()][3:4]) | {b"num-samples": b"12"})
    assert done.returncode == 0
    assert len(read(copy)) == 2

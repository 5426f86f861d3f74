"""Test zero bytes in a log: after records they are preallocated space, alone they are all that is left of it."""

import pytest
from building import key
from leveldb_building import LOGGED, batch, run, scanned, write_store, write_two_tables

import datacheck


@pytest.mark.parametrize("size", [1, 6, 7, 100, 32_768, 65_536, 300_000])
def test_a_live_log_of_zeros_alone_has_lost_what_was_written_to_it(tmp_path, size):
    path = write_two_tables(tmp_path / "db")
    (path / "000008.log").write_bytes(bytes(size))
    report = datacheck.scan(path, workers=1)
    (finding,) = (it for it in report.findings if it.code == "damaged-store")
    assert (finding.verdict, finding.details["file"], finding.details["size"]) == ("bad", "000008.log", size)
    assert "zero bytes alone, as a power cut leaves a log; what was written there is lost" in finding.message
    assert report.status == 1


def test_of_two_live_logs_the_older_one_may_be_zeros(tmp_path):
    path = write_store(tmp_path / "db", {5: (1, [run(0, 10)])}, {7: [], 8: [batch(100, [(b"x", b"1")])]})
    (path / "000007.log").write_bytes(bytes(65_536))
    (finding,), _, left = scanned(path)
    assert (finding.code, finding.details["file"]) == ("damaged-store", "000007.log")
    assert left[b"x"] == b"1"


def test_a_hole_of_any_size_is_zeros_too(tmp_path):
    path = write_two_tables(tmp_path / "db")
    with (path / "000008.log").open("r+b") as file:
        file.truncate(0)
        file.truncate(1 << 40)
    (finding,), _, _ = scanned(path)
    assert (finding.code, finding.details["size"]) == ("damaged-store", 1 << 40)


SOUND = {
    "room behind the records": lambda log: log + bytes(65_536),
    "room up to the end of the 32 KiB block": lambda log: log + bytes(32_768 - len(log)),
    "less room than a header takes": lambda log: log + bytes(5),
    "no room": lambda log: log,
}


@pytest.mark.parametrize("words", SOUND)
def test_zeros_behind_records_are_sound(tmp_path, words):
    path = write_two_tables(tmp_path / "db")
    log = path / "000008.log"
    log.write_bytes(SOUND[words](log.read_bytes()))
    findings, _, left = scanned(path)
    assert findings == []
    assert LOGGED.items() <= left.items()


def test_an_empty_log_is_sound(tmp_path):
    path = write_two_tables(tmp_path / "db")
    (path / "000008.log").write_bytes(b"")
    findings, _, _ = scanned(path)
    assert findings == []


def test_zeros_in_a_log_older_than_the_manifest_says_are_nobodys(tmp_path):
    path = write_two_tables(tmp_path / "db")
    (path / "000003.log").write_bytes(bytes(65_536))
    findings, _, left = scanned(path)
    assert (findings, left[key(90)]) == ([], LOGGED[key(90)])


def test_a_record_of_zeros_is_a_record(tmp_path):
    path = write_store(tmp_path / "db", logs={3: [batch(1, [(bytes(9), bytes(200_000))])]})
    findings, _, left = scanned(path)
    assert (findings, left) == ([], {bytes(9): bytes(200_000)})


def test_zeros_where_the_manifest_should_be_stay_what_they_were(tmp_path):
    path = write_two_tables(tmp_path / "db")
    (path / "MANIFEST-000002").write_bytes(bytes(4096))
    findings, _, left = scanned(path)
    assert [it.code for it in findings] == ["damaged-store"]
    assert LOGGED.items() <= left.items()

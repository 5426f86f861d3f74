"""Test that a scan names exactly what is wrong, whatever the number of workers, and survives what kills them."""

import os
from dataclasses import dataclass

import numpy as np
import pytest
from building import datum, fingerprint, floats, key, pictures, pixels, raw_records, write_lmdb
from covering import pairwise
from worker_checks import Poison

import datacheck
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.reporting.document import Document
from datacheck.scanning.settings.make_settings import make


def named(report):
    """Return the key and code of every finding."""
    return [(finding.key, finding.code) for finding in report.findings]


def document(report):
    """Return a report's document without what may differ between runs."""
    said: Document = report.document()
    said.seconds, said.started = 0, ""
    said.settings = make(workers=1)
    return said


RAW = datum(pixels(3), 3)
FAULTS = {
    "empty": b"",
    "truncated": RAW[:100],
    "undecodable": b"garbage, not a Datum at all",
    "size-mismatch": datum(pixels(3), 3, shape=(3, 8, 9)),
    "shape": datum(pixels(3, (3, 8, 9)), 3),
    "label": datum(pixels(3), None),
    "wrong-format": datum(pictures()[0], 3, encoded=True),
    "constant": datum(np.full((3, 8, 8), 9, np.uint8), 3),
    "trailing-data": RAW + bytes(5),
}
FLOAT_FAULTS = {
    "nan": np.where(floats(3) == floats(3).max(), np.nan, floats(3)),
    "inf": np.where(floats(3) == floats(3).max(), np.inf, floats(3)),
    "half-overflow": np.where(floats(3) == floats(3).max(), 7e4, floats(3)),
}


def with_faults(records, faults):
    """Return the records with a fault at every seventh key, and the findings that are expected."""
    planted = {key(7 * (number + 1)): (code, value) for number, (code, value) in enumerate(faults.items())}
    broken = {**records, **{at: value for at, (_, value) in planted.items()}}
    return broken, [(at.decode(), code) for at, (code, _) in planted.items()]


@pytest.mark.parametrize("workers", [1, 2])
def test_each_fault_of_raw_datum_is_named_and_nothing_else(tmp_path, workers):
    records, expected = with_faults(raw_records(100), FAULTS)
    report = datacheck.scan(write_lmdb(tmp_path / "env", records), workers=workers)
    assert named(report) == expected
    assert (report.checked, report.bad, report.suspicious, report.unverifiable) == (100, 6, 3, 0)
    assert report.status == 1


def test_each_fault_of_float_datum_is_named_and_nothing_else(tmp_path):
    records = {key(number): datum(floats(number), 1) for number in range(60)}
    faults = {code: datum(values.astype(np.float32), 1) for code, values in FLOAT_FAULTS.items()}
    broken, expected = with_faults(records, faults)
    report = datacheck.scan(write_lmdb(tmp_path / "env", broken))
    assert named(report) == expected
    finding = next(iter(report.findings))
    place = [int(it) for it in np.argwhere(floats(3) == floats(3).max())[0]]
    assert (finding.field, finding.index, finding.verdict) == ("data", 7, "bad")
    assert finding.details == {"count": 1, "first": place}
    assert finding.message == f"1 of 32 values is NaN, first at {place}"


def test_the_bounds_a_caller_gives_are_checked(tmp_path):
    records = raw_records(30)
    records[key(4)] = datum(pixels(4), 10)
    records[key(5)] = datum(pixels(5), -1)
    records[key(6)] = datum(np.minimum(pixels(6), 200), 1)
    path = write_lmdb(tmp_path / "env", records)
    report = datacheck.scan(path, labels=10)
    assert named(report) == [("00000004", "label"), ("00000005", "label")]
    report = datacheck.scan(path, range=(0, 200), labels=(-1, 10))
    assert named(report) == [(key(number).decode(), "out-of-range") for number in range(30) if number != 6]
    report = datacheck.scan(path, shape=(3, 8, 7), checks=["shape"])
    assert report.bad == 30


def test_a_clean_store_is_clean(tmp_path):
    report = datacheck.scan(write_lmdb(tmp_path / "env", raw_records(100)))
    assert (named(report), report.clean, report.status, report.complete) == ([], True, 0, True)
    assert list(report.bad_keys()) == []
    report.require_clean()


def test_statistics_and_labels_are_counted(tmp_path):
    report = datacheck.scan(write_lmdb(tmp_path / "env", raw_records(100)))
    every = np.stack([pixels(number) for number in range(100)])
    data = report.statistics["data"]
    assert (data.count, data.min, data.max) == (every.size, every.min(), every.max())
    assert data.mean == pytest.approx(every.mean())
    assert data.std == pytest.approx(every.std())
    assert report.statistics["label"].counts == {str(label): 10 for label in range(10)}


def test_require_clean_raises_with_the_summary(tmp_path):
    records, _ = with_faults(raw_records(100), FAULTS)
    report = datacheck.scan(write_lmdb(tmp_path / "env", records))
    with pytest.raises(datacheck.NotClean, match=r"NOT CLEAN: 6 bad, 3 suspicious(.|\n)*00000014"):
        report.require_clean()


def test_bad_keys_are_those_of_bad_records_once_each(tmp_path):
    records, expected = with_faults(raw_records(100), FAULTS)
    records[key(90)] = datum(None, None, shape=(3, 8, 8))
    report = datacheck.scan(write_lmdb(tmp_path / "env", records))
    assert list(report.bad_keys()) == [*[at for at, _ in expected][:6], "00000090"]


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("shard_bytes", [3000, 30_000])
def test_serial_and_parallel_agree(tmp_path, workers, shard_bytes):
    records, _ = with_faults({key(n): datum(floats(n, (3, 8, 8)), n % 10) for n in range(300)}, FAULTS)
    path = write_lmdb(tmp_path / "env", records)
    reader = LmdbReader(path, shard_bytes)
    assert len(reader.layout().shards) > 3
    serial, parallel = (datacheck.scan(it, workers=n) for it, n in ((LmdbReader(path), 1), (reader, workers)))
    assert document(parallel) == document(serial)


def test_the_source_is_not_changed(tmp_path):
    records, _ = with_faults(raw_records(100), FAULTS)
    path = write_lmdb(tmp_path / "env", records)
    before = fingerprint(path)
    datacheck.scan(path, reports=[tmp_path / "r.json"])
    assert fingerprint(path) == before


def poisoned(tmp_path, places, count=200):
    records = raw_records(count)
    for place in places:
        values = pixels(place)
        values[0, 0, :2] = 77, 0
        records[key(place)] = datum(values, 1)
    return write_lmdb(tmp_path / "env", records)


@pytest.mark.parametrize(
    ("fate", "places", "workers"),
    pairwise([("kill", "crash"), ("hang", "timeout")], [[0], [199], [13, 14, 150]], [1, 2]),
)
def test_records_that_kill_or_hang_their_worker_are_named(tmp_path, fate, places, workers):
    how, code = fate
    path = poisoned(tmp_path, places)
    report = datacheck.scan(path, validators=[Poison(77, how)], timeout=0.4, workers=workers)
    assert named(report) == [(key(place).decode(), code) for place in places]
    assert [finding.index for finding in report.findings] == places
    assert (report.checked, report.bad, report.complete) == (200, len(places), True)


def test_a_crash_says_which_signal(tmp_path):
    (finding,) = datacheck.scan(poisoned(tmp_path, [5]), validators=[Poison(77, "kill")]).findings
    assert finding.message == "reading or decoding it killed the worker with SIGSEGV"


def test_a_shard_that_keeps_killing_is_given_up_and_the_report_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("datacheck.scanning.retry.DEATHS_A_SHARD", 3)
    path = poisoned(tmp_path, range(0, 100, 10))
    report = datacheck.scan(path, validators=[Poison(77, "kill")], workers=1)
    assert named(report) == [("00000000", "crash"), ("00000010", "crash"), (None, "crash")]
    assert report.status == 1
    assert not report.complete
    *_, last = report.findings
    assert last.details["first"] == "00000020"


def test_a_mistake_in_a_validator_of_ones_own_is_said(tmp_path):
    with pytest.raises(datacheck.ValidatorFailed, match=r"Poison\(.*ValueError: my own mistake"):
        datacheck.scan(poisoned(tmp_path, [5]), validators=[Poison(77, "raise")])


def test_a_validator_of_ones_own_finds(tmp_path):
    report = datacheck.scan(poisoned(tmp_path, [5]), validators=[Poison(77, "find")])
    assert named(report) == [("00000005", "constant")]
    assert report.settings.validators == ("Poison(pixel=77, how='find')",)


@pytest.mark.parametrize(("sample", "checked"), [("7", 7), (7, 7), ("10%", 20), ("100%", 200), ("1000", 200)])
def test_a_sample_has_its_size_and_is_the_same_again(tmp_path, sample, checked):
    path = write_lmdb(tmp_path / "env", dict.fromkeys(raw_records(200), b"") | {key(0): RAW})
    reports = [datacheck.scan(it, sample=sample) for it in (path, LmdbReader(path, 1000))]
    assert [report.checked for report in reports] == [checked, checked]
    assert named(reports[0]) == named(reports[1])


def test_a_payload_that_no_decoder_knows_is_one_finding(tmp_path):
    path = write_lmdb(tmp_path / "env", {key(number): os.urandom(40) + b"\xff" for number in range(50)})
    report = datacheck.scan(path)
    assert named(report) == [(None, "unknown-payload")]
    assert (report.unverifiable, report.status) == (50, 3)


def test_strays_of_unknown_payload_are_named_one_by_one(tmp_path):
    path = write_lmdb(tmp_path / "env", raw_records(200) | {b"notes": b"\x80\x04\x95pickle"})
    report = datacheck.scan(path)
    assert named(report) == [("notes", "unknown-payload")]
    assert report.status == 3


@pytest.mark.parametrize(
    ("max_bad", "strict", "status"),
    [(None, False, 1), (5, False, 1), (6, False, 0), ("5%", False, 1), ("6%", False, 0), (6, True, 1), (9, True, 0)],
)
def test_the_gate(tmp_path, max_bad, strict, status):
    records, _ = with_faults(raw_records(100), FAULTS)
    report = datacheck.scan(write_lmdb(tmp_path / "env", records), max_bad=max_bad, strict=strict)
    assert (report.status, report.clean) == (status, status == 0)


def test_checks_may_be_chosen_and_left_out(tmp_path):
    records, _ = with_faults(raw_records(100), {"label": FAULTS["label"], "constant": FAULTS["constant"]})
    path = write_lmdb(tmp_path / "env", records)
    assert [code for _, code in named(datacheck.scan(path, checks=["label"]))] == ["label"]
    assert [code for _, code in named(datacheck.scan(path, skip=["label"]))] == ["constant"]


@pytest.mark.parametrize(
    "mistake",
    [
        {"checks": ["nonsense"]},
        {"skip": ["nonsense"]},
        {"backend": "nonsense"},
        {"decoder": "nonsense"},
        {"sample": "0"},
        {"sample": "a few"},
        {"sample": "101%"},
        {"max_bad": "-1"},
        {"timeout": 0},
        {"workers": 0},
        {"labels": 0},
        {"range": (3, 2)},
        {"range": (float("nan"), 2)},
        {"shape": []},
        {"together": [["alone"]]},
        {"reports": ["report.doc"]},
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, mistake):
    path = write_lmdb(tmp_path / "env", raw_records(3))
    with pytest.raises(datacheck.UsageError):
        datacheck.scan(path, **mistake)


def test_progress_is_told(tmp_path):
    told = []
    path = write_lmdb(tmp_path / "env", raw_records(200))
    datacheck.scan(LmdbReader(path, 3000), progress=lambda *it: told.append(it))
    assert told[-1] == (200, 200, 0)
    assert len(told) > 3
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)


def test_an_interrupt_leaves_an_incomplete_report(tmp_path):
    path = poisoned(tmp_path, [190])
    reader = LmdbReader(path, 3000)

    def stop(done, total, bad):
        if done > 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        datacheck.scan(reader, reports=[tmp_path / "r.json"], progress=stop)
    assert b'"complete":false' in (tmp_path / "r.json").read_bytes()


def test_a_named_database_is_told_in_the_findings(tmp_path):
    path = tmp_path / "env"
    write_lmdb(path, raw_records(50), name=b"train")
    write_lmdb(path, raw_records(50) | {key(3): b""}, name=b"test")
    report = datacheck.scan(path)
    assert [(it.database, it.key, it.index, it.code) for it in report.findings] == [("test", "00000003", 3, "empty")]
    assert report.checked == 100


@pytest.mark.parametrize("share", [0.9, 0.7, 0.5, 0.25, 0.02])
def test_a_cut_lmdb_is_told_and_what_lies_before_the_cut_is_checked(tmp_path, share):
    path = write_lmdb(tmp_path / "env", raw_records(300, (3, 40, 40)))
    size = (path / "data.mdb").stat().st_size
    os.truncate(path / "data.mdb", int(size * share))
    before = fingerprint(path)
    report = datacheck.scan(path, workers=1)
    findings = list(report.findings)
    assert findings[0].code == "truncated-store"
    assert {finding.code for finding in findings} <= {"truncated-store", "damaged-store", "orphan"}
    assert (report.status, report.complete) == (1, True)
    assert report.checked - len(list(report.bad_keys())) >= 0.95 * share * 300 - 2
    assert fingerprint(path) == before


def test_mean_and_deviation_are_taken_where_they_cost_nothing_or_are_asked_for(tmp_path):
    small = write_lmdb(tmp_path / "small", raw_records(10))
    large = write_lmdb(tmp_path / "large", raw_records(90, (3, 128, 128)))
    asked = datacheck.scan(large, stats=True).statistics["data"]
    plain = datacheck.scan(large).statistics
    assert datacheck.scan(small).statistics["data"].mean is not None
    assert (asked.mean, asked.std) != (None, None)
    assert (plain["data"].count, plain["data"].min, plain["data"].max) == (asked.count, asked.min, asked.max)
    assert (plain["data"].mean, plain["data"].std) == (None, None)
    assert plain["label"].mean is not None


def test_pictures_are_seen_when_a_range_or_a_validator_wants_them(tmp_path):
    records = {key(number): datum(pictures()[number % 8], 0, encoded=True) for number in range(3000)}
    path = write_lmdb(tmp_path / "env", records)
    assert datacheck.scan(path).statistics["data"].max is None
    assert datacheck.scan(path, range=(0, 10)).counts["out-of-range"] == 3000
    assert datacheck.scan(path, validators=[Bright()]).counts["constant"] == 3000


@dataclass(frozen=True)
class Bright:
    def __call__(self, batch):
        for at, record in enumerate(batch.values):
            if not batch.label and record.max() > 100:
                yield at, datacheck.found("constant", "bright")

"""Test that labels are measured for many blocks at a time, with the same sums whenever that is done."""

import numpy as np
import pytest
from building import key, raw_records, write_lmdb

import datacheck
from datacheck.model.batch import Batch
from datacheck.statistics import measure
from datacheck.statistics.measure import Measuring


def of_labels(values):
    return Batch("label", range(len(values)), values, label=True)


@pytest.mark.parametrize("waiting", [1, 7, 10, 1 << 15])
@pytest.mark.parametrize("dtype", [np.int64, np.float32])
def test_labels_are_counted_once_however_many_wait(monkeypatch, waiting, dtype):
    monkeypatch.setattr(measure, "LABELS_WAITING", waiting)
    statistics = {}
    measuring = Measuring(statistics, sums=True)
    blocks = [np.arange(start, start + 5, dtype=dtype) % 4 for start in range(0, 50, 5)]
    for block in blocks:
        measuring.add(of_labels(block))
    measuring.finish()
    measuring.finish()
    every = np.concatenate(blocks)
    label = statistics["label"].summary()
    assert label.count == len(every) == 50
    assert label.counts == {str(value): int((every == value).sum()) for value in range(4)}
    assert label.mean == pytest.approx(every.mean())
    assert label.std == pytest.approx(every.std())


def test_memory_that_is_used_again_does_not_change_labels_that_wait():
    statistics = {}
    measuring = Measuring(statistics, sums=True)
    room = np.arange(5)
    measuring.add(of_labels(room))
    room[:] = 99
    measuring.finish()
    assert statistics["label"].counts == dict.fromkeys(range(5), 1)


def test_the_labels_of_a_store_of_more_records_than_wait_are_as_many_as_its_records(tmp_path):
    count = measure.LABELS_WAITING + 500
    values = list(raw_records(10, (1, 1, 2)).values())
    records = {key(number): values[number % 10] for number in range(count)}
    report = datacheck.scan(write_lmdb(tmp_path / "env", records), workers=1)
    label = report.statistics["label"]
    assert label.count == report.checked == len(records) > measure.LABELS_WAITING
    assert sum(label.counts.values()) == len(records)

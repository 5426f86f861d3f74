"""Test the batches that lack a class: exact under shuffling, counted in key order, equal for any split into shards."""

import itertools
import json
import math
import random
import statistics

import h5py
import jsonschema
import numpy as np
import pytest
from building import datum, key, pixels, write_lmdb

import datacheck
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.checks.class_balance import (
    Classes,
    LabelOrder,
    absent_share,
    lacking_share,
    shuffled_changes,
    sufficient_batch_size,
)
from datacheck.model.settings import Settings
from datacheck.reporting.document import schema
from datacheck.reporting.report import Report
from datacheck.reporting.source import Source
from datacheck.reporting.tally import Tally


def lacking_by_counting(counts, records, size):
    """Return the share of batches that lack a class by inclusion and exclusion, with integers."""
    every = sum(
        (-1) ** taken * math.comb(records - sum(chosen), size)
        for taken in range(len(counts) + 1)
        for chosen in itertools.combinations(counts, taken)
    )
    return 1 - every / math.comb(records, size)


@pytest.mark.parametrize(
    ("counts", "records", "size"),
    [
        ([30] * 10, 300, 32),
        ([5, 100, 3], 108, 20),
        ([5, 100, 3], 120, 40),
        ([1, 1, 1], 3, 2),
        ([1, 1, 1], 3, 3),
        ([600] * 10, 6000, 64),
        ([7], 7, 1),
        ([7], 9, 1),
    ],
)
def test_the_share_of_batches_that_lack_a_class_is_exact(counts, records, size):
    share = lacking_share(counts, records, size)
    assert share.exact
    assert share.share == pytest.approx(lacking_by_counting(counts, records, size), abs=1e-12)


def test_the_share_of_one_class_is_hypergeometric():
    assert absent_share(30, 300, 32) == pytest.approx(math.comb(270, 32) / math.comb(300, 32))
    assert absent_share(30, 300, 271) == 0.0


def test_a_batch_with_fewer_places_than_classes_lacks_one():
    assert lacking_share([10] * 10, 100, 9).share == 1.0


def test_what_costs_too_much_is_bounded_from_above_and_said_to_be():
    counts = list(range(1000, 2000))
    share = lacking_share(counts, sum(counts), 8192)
    assert not share.exact
    assert share.share == pytest.approx(sum(absent_share(it, sum(counts), 8192) for it in counts), rel=1e-6)


@pytest.mark.parametrize("counts", [[30] * 10, [5, 100, 3], [1, 50], [1000] * 4])
def test_enough_is_the_smallest_batch_below_one_percent(counts):
    records = sum(counts)
    size = sufficient_batch_size(counts, records).batch_size
    assert lacking_share(counts, records, size).share < 0.01
    assert lacking_share(counts, records, size - 1).share >= 0.01


def test_changes_between_neighbours_are_those_of_shuffled_labels():
    shuffler, labels, seen = random.Random(7), [0] * 5 + [1] * 3 + [2] * 9, []
    for _ in range(20_000):
        shuffler.shuffle(labels)
        seen.append(sum(one != other for one, other in itertools.pairwise(labels)))
    mean, deviation = shuffled_changes([5, 3, 9])
    assert mean == pytest.approx(statistics.mean(seen), abs=0.05)
    assert deviation == pytest.approx(statistics.pstdev(seen), abs=0.05)


def lacking_in_order(labels, size, classes):
    batches = [labels[at : at + size] for at in range(0, len(labels) - size + 1, size)]
    return len(batches), sum(bool(classes - set(batch)) for batch in batches)


@pytest.mark.parametrize("seed", range(5))
def test_any_split_gives_the_same_batches_in_key_order(seed):
    generator = np.random.default_rng(seed)
    labels = generator.integers(-1, 5, 500)
    size = int(generator.integers(1, 20))
    order = LabelOrder(size, Classes(0, 4, 2))
    cuts = sorted(generator.integers(0, 500, 9).tolist())
    for piece in np.split(labels, cuts):
        order.take((piece.astype(np.int8).dtype.str, piece.astype(np.int8).tobytes()))
    batches, lacking = lacking_in_order(labels.tolist(), size, {0, 1, 3, 4})
    assert order.distinct.total() == batches
    assert sum(count for distinct, count in order.distinct.items() if distinct < 4) == lacking
    assert order.changes == int((labels[1:] != labels[:-1]).sum())
    assert len(order.rest[1]) == 8 * (500 % size)


def store(path, labels):
    return write_lmdb(path, {key(at): datum(pixels(at), label) for at, label in enumerate(labels)})


def shuffled(count=400, classes=10):
    labels = [at % classes for at in range(count)]
    random.Random(1).shuffle(labels)
    return labels


def test_batches_are_counted_in_key_order_whatever_the_shards_and_workers(tmp_path):
    labels = shuffled()
    path = store(tmp_path / "env", labels)
    reports = [
        datacheck.scan(LmdbReader(path, shard_bytes), batch_size=16, workers=workers)
        for shard_bytes, workers in ((1 << 24, 1), (1 << 14, 1), (1 << 14, 2))
    ]
    batches, lacking = lacking_in_order(labels, 16, set(range(10)))
    assert lacking
    for report in reports:
        assert report.balance == reports[0].balance
        assert (report.balance.in_key_order.batches, report.balance.in_key_order.lacking) == (batches, lacking)
        assert report.clean
        assert not len(report.findings)
    assert len(LmdbReader(path, 1 << 14).layout().shards) > 3


def test_the_balance_is_in_the_report_only_where_it_was_asked_for(tmp_path):
    path = store(tmp_path / "env", shuffled())
    for size in (None, 16):
        document = tmp_path / "report.json"
        report = datacheck.scan(path, batch_size=size, reports=[document])
        made = json.loads(document.read_text())
        jsonschema.validate(made, schema())
        assert ("balance" in made) == (size is not None)
        assert (report.balance is None) == (size is None)


def test_classes_that_never_occur_are_named(tmp_path):
    labels = [label for label in shuffled() if label != 3]
    report = datacheck.scan(store(tmp_path / "env", labels), batch_size=16, labels=12)
    (finding,) = report.findings
    assert (finding.code, finding.verdict, finding.key) == ("class-missing", "suspicious", None)
    assert finding.message == "3 of 12 classes never occur: 3, 10, 11"
    assert (report.balance.classes, report.balance.absent) == (12, 3)
    assert report.status == 0


def test_a_store_sorted_by_label_is_suspicious(tmp_path):
    report = datacheck.scan(store(tmp_path / "env", sorted(shuffled())), batch_size=16)
    (finding,) = report.findings
    assert (finding.code, finding.verdict) == ("sorted", "suspicious")
    assert "changes 9 times" in finding.message
    assert report.balance.in_key_order.lacking == report.balance.in_key_order.batches == 25


@pytest.mark.parametrize("labels", [list(range(10)) * 40, [0] * 40, list(range(40)), [0, 0, 1, 1]])
def test_an_order_that_chance_could_give_or_that_batches_like_is_not(tmp_path, labels):
    assert not len(datacheck.scan(store(tmp_path / "env", labels), batch_size=16).findings)


def test_a_sample_says_what_shuffling_gives_and_no_more(tmp_path):
    report = datacheck.scan(store(tmp_path / "env", sorted(shuffled())), batch_size=16, sample=200, labels=11)
    assert report.balance.in_key_order is None
    assert report.balance.records == 200
    assert not len(report.findings)


def test_real_labels_are_no_classes(tmp_path):
    with h5py.File(tmp_path / "it.h5", "w") as file:
        file["data"] = np.random.default_rng(0).normal(size=(40, 3))
        file["label"] = np.linspace(0, 1, 40)
    assert datacheck.scan(tmp_path / "it.h5", batch_size=4).balance is None


def test_whole_float_labels_are(tmp_path):
    with h5py.File(tmp_path / "it.h5", "w") as file:
        file["data"] = np.random.default_rng(0).normal(size=(40, 3))
        file["label"] = (np.arange(40) % 4).astype(np.float32)
    assert datacheck.scan(tmp_path / "it.h5", batch_size=4).balance.in_key_order.lacking == 0


def test_a_batch_size_below_one_is_refused():
    with pytest.raises(datacheck.UsageError, match="batch size is 0"):
        Settings() and datacheck.scan("nowhere", batch_size=0)


def test_tallies_add_up_before_they_reach_the_report():
    def tally(labels):
        return Tally(records=len(labels), labels=[("|u1", bytes(labels))])

    apart, together = (Report(Source("path", "lmdb"), Settings(), order=LabelOrder(2, Classes())) for _ in range(2))
    for labels in ([0, 1, 1], [0], [0, 0]):
        apart.add(tally(labels))
    one = tally([0, 1, 1])
    one += tally([0])
    one += tally([0, 0])
    together.add(one)
    assert apart.order == together.order
    assert apart.order.distinct == {2: 2, 1: 1}

"""Test stores that should hold the same keys: records without a partner, and pictures of another scale."""

import io

import numpy as np
import pytest
from building import datum, key, pixels, write_lmdb
from leveldb_building import write_log_store
from PIL import Image

import datacheck
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.scanning.pairing import SCALES, ComparePair, pairings
from datacheck.scanning.settings.make_settings import make
from datacheck.scanning.tasks import Job

COUNT = 100


def picture(number, height, width, kind="PNG"):
    made = io.BytesIO()
    values = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(values).save(made, kind)
    return made.getvalue()


def pictures(scale, count=COUNT, odd=()):
    """Return pictures of several sizes but of one scale; the `odd` ones are one row higher."""
    return {
        key(number): picture(number, scale * (6 + number % 3) + (number in odd), scale * (8 + number % 2))
        for number in range(count)
    }


def scanned(*stores, **options):
    """Return key, code and verdict of the findings in each store."""
    reports = datacheck.scan(list(stores), paired=True, workers=1, **options)
    return [[(it.key, it.code, it.verdict) for it in report.findings] for report in reports]


def without(records, *numbers):
    return {name: value for name, value in records.items() if name not in map(key, numbers)}


def test_sound_pairs(tmp_path):
    large = write_lmdb(tmp_path / "large", pictures(4))
    small = write_log_store(tmp_path / "small", pictures(1).items())
    assert scanned(large, small) == [[], []]
    assert scanned(small, large) == [[], []]


def test_a_record_without_a_pair_is_said_of_the_store_that_has_it(tmp_path):
    large = write_lmdb(tmp_path / "large", without(pictures(2), 7, 8))
    small = write_lmdb(tmp_path / "small", without(pictures(1), 0, 99))
    assert scanned(large, small) == [
        [("00000000", "unpaired", "bad"), ("00000099", "unpaired", "bad")],
        [("00000007", "unpaired", "bad"), ("00000008", "unpaired", "bad")],
    ]


def test_of_three_stores_each_is_compared_with_each(tmp_path):
    records = {key(number): datum(pixels(number), 1) for number in range(30)}
    stores = [write_lmdb(tmp_path / str(place), without(records, place)) for place in range(3)]
    reports = datacheck.scan(stores, paired=True, workers=1)
    missing = [{(it.key, *it.details["missing"]) for it in report.findings} for report in reports]
    assert missing == [
        {("00000001", "1"), ("00000002", "2")},
        {("00000000", "0"), ("00000002", "2")},
        {("00000000", "0"), ("00000001", "1")},
    ]


def test_a_picture_of_another_scale_is_said_of_the_second_store(tmp_path):
    large = write_lmdb(tmp_path / "large", pictures(4))
    small = write_lmdb(tmp_path / "small", pictures(1, odd={20}))
    first, second = datacheck.scan([large, small], paired=True, workers=1)
    assert first.clean
    (finding,) = second.findings
    assert (finding.key, finding.code, finding.verdict) == ("00000020", "shape", "bad")
    assert finding.message == "8x9, and 32x32 in large: 99 of 100 pairs are 4:1"


def test_where_several_scales_are_usual_none_is_wrong(tmp_path):
    large = write_lmdb(tmp_path / "large", pictures(4))
    small = write_lmdb(tmp_path / "small", pictures(1, odd=range(0, COUNT, 3)))
    assert scanned(large, small) == [[], []]


def test_some_odd_ones_are_suspicious(tmp_path):
    large = write_lmdb(tmp_path / "large", pictures(4))
    small = write_lmdb(tmp_path / "small", pictures(1, odd=range(5)))
    assert scanned(large, small) == [[], [(key(number).decode(), "shape", "suspicious") for number in range(5)]]


def test_pictures_of_many_scales_have_none(tmp_path):
    large, small = (
        {key(number): picture(number, 1 + number % 50, width(number)) for number in range(SCALES + 200)}
        for width in (lambda number: 1 + number // 50, lambda number: 1)
    )
    for number in range(40):
        large[b"same%d" % number] = small[b"same%d" % number] = picture(1, 1, 1)
    stores = [write_lmdb(tmp_path / "large", large), write_lmdb(tmp_path / "small", small)]
    assert {code for of_store in scanned(*stores) for _, code, _ in of_store} <= {"constant"}


def test_few_pairs_have_no_scale(tmp_path):
    large = write_lmdb(tmp_path / "large", pictures(4, 10))
    small = write_lmdb(tmp_path / "small", pictures(1, 10, odd={3}))
    assert scanned(large, small) == [[], []]


def test_encoded_datums_are_compared_too_and_broken_pictures_are_left_to_their_decoder(tmp_path):
    def wrapped(records):
        return {name: datum(value, 1, encoded=True) for name, value in records.items()}

    large = write_lmdb(tmp_path / "large", wrapped(pictures(2)))
    odd = pictures(1, odd={20})
    odd[key(5)] = odd[key(5)][:20]
    small = write_lmdb(tmp_path / "small", wrapped(odd))
    assert scanned(large, small) == [
        [],
        [("00000005", "truncated", "bad"), ("00000020", "shape", "bad")],
    ]


def test_the_count_that_a_store_keeps_needs_no_pair(tmp_path):
    records = pictures(2)
    large = write_lmdb(tmp_path / "large", {**records, b"length": b"%d" % len(records)})
    small = write_lmdb(tmp_path / "small", pictures(1))
    assert scanned(large, small) == [[], []]


def test_what_cannot_be_paired_is_refused(tmp_path):
    store = write_lmdb(tmp_path / "store", pictures(1, 3))
    with pytest.raises(datacheck.UsageError, match="name two or more"):
        datacheck.scan(store, paired=True)
    with pytest.raises(datacheck.UsageError, match="named twice"):
        datacheck.scan([store, store], paired=True)
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        file["data"] = np.zeros((3, 2))
    with pytest.raises(datacheck.UsageError, match=r"rows.h5: HDF5; --paired compares the keys of LMDB and LevelDB"):
        datacheck.scan([store, tmp_path / "rows.h5"], paired=True)


def test_keys_in_another_order_are_undecided(tmp_path):
    store = write_lmdb(tmp_path / "store", pictures(2))
    other = write_lmdb(tmp_path / "other", pictures(1))

    class Backwards(LmdbReader):
        def blocks(self, shard, **more):
            for block in super().blocks(shard, **more):
                yield block.take(range(len(block) - 1, -1, -1))

    class Watch:
        def note(self, value):
            pass

    task = ComparePair(Backwards(other), "other", frozenset(), sizes=True)
    (finding,) = [it for _, made in task.run(Job(LmdbReader(store), make()), Watch()) for it in made]
    assert (finding.code, finding.verdict) == ("unsupported", "unverifiable")
    assert "do not ascend" in finding.message


def test_the_others_of_each_store_keep_their_names(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
    one, two = (LmdbReader(write_lmdb(tmp_path / name / "train", pictures(1, 3))) for name in "ab")
    first, second = pairings([one, two])
    assert (first.names, second.names) == ((str(two.path),), (str(one.path),))
    assert first.all == second.all == (str(one.path), str(two.path))

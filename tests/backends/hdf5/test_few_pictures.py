"""Few pictures of one height in a file, a dataset each: none is a column of the others, and shards may be short."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

HIGH, WIDE = 24, 32


def pixels(number, dtype="u1", shape=(HIGH, WIDE, 3)):
    return np.random.default_rng(number).integers(0, 255, shape).astype(dtype)


def shards(folder, of, counts=(7, 7, 7, 7, 4), nan=None):
    """Write files of so many pictures, whose datasets `of` makes from the number in the file and that of all."""
    folder.mkdir()
    number = 0
    for shard, count in enumerate(counts):
        with h5py.File(folder / f"shard_{shard}.h5", "w") as file:
            for at in range(count):
                for name, values in of(at, number).items():
                    file[name] = values
                    if (shard, at) == nan:
                        file[name][3, 4] = np.nan
                number += 1
    return folder


PICTURES = {
    "numbered in each file": lambda at, number: {f"{at:05}": pixels(number)},
    "numbered in all files": lambda at, number: {f"{number:05}": pixels(number)},
    "called images": lambda at, number: {f"img_{at}": pixels(number)},
    "without channels": lambda at, number: {f"{at}": pixels(number, shape=(HIGH, WIDE))},
    "channels first": lambda at, number: {f"image{at}": pixels(number, "f4", (3, HIGH, WIDE))},
}


SEVERAL = [(name, (7, 7, 7, 7, 4)) for name in PICTURES]
ALONE = [(name, counts) for name in list(PICTURES)[:3] for counts in ((3, 3, 3, 3, 3, 1), (5, 5, 5, 5, 2))]


@pytest.mark.parametrize(("name", "counts"), [*SEVERAL, *ALONE], ids=str)
def test_a_picture_is_a_record_however_few_a_file_has(tmp_path, name, counts):
    report = datacheck.scan(shards(tmp_path / "a", PICTURES[name], counts), workers=1)
    assert (list(report.findings), report.source.records) == ([], sum(counts))


@pytest.mark.parametrize("name", ["numbered in each file", "called images"])
def test_one_goes_and_the_others_stay(tmp_path, name):
    source = shards(tmp_path / "a", lambda at, number: {
        it: values.astype("f4") for it, values in PICTURES[name](at, number).items()
    }, nan=(1, 2))  # fmt: skip
    (finding,) = datacheck.scan(source, workers=1).findings
    assert (finding.code, finding.file) == ("nan", "shard_1.h5")
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, workers=1)
    assert receipt.dropped == 1
    for before in sorted(source.iterdir()):
        with h5py.File(before) as old, h5py.File(tmp_path / "copy" / before.name) as new:
            assert set(old) - set(new) == ({finding.key[1:]} if before.name == "shard_1.h5" else set())
            assert all(np.array_equal(old[it], new[it]) for it in new)


def test_a_picture_goes_with_its_mask(tmp_path):
    def of(at, number):
        return {f"img_{at}": pixels(number, "f4"), f"mask_{at}": pixels(number, "f4", (HIGH, WIDE))}

    source = shards(tmp_path / "a", of, (5,), nan=(0, 2))
    with h5py.File(source / "shard_0.h5", "a") as file:
        file["mask_2"][...] = 1
    datacheck.rebuild(source / "shard_0.h5", tmp_path / "copy.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "copy.h5") as file:
        assert sorted(file) == [f"{it}_{at}" for it in ("img", "mask") for at in (0, 1, 3, 4)]


def columns(folder, lacking, label=True):
    folder.mkdir()
    for at in range(6):
        with h5py.File(folder / f"part_{at}.h5", "w") as file:
            for number in range(3 - (at == lacking)):
                file[f"feat_{number}"] = np.random.default_rng(number + at).normal(size=(40 + at, 16))
            if label:
                file["label"] = np.arange(40 + at) % 3
    return [(it.code, it.verdict) for it in datacheck.scan(folder, workers=1).findings]


def test_columns_beside_labels_are_missed_and_others_may_be(tmp_path):
    assert columns(tmp_path / "a", None) == []
    assert columns(tmp_path / "b", 3) == [("unpaired", "bad")]
    assert columns(tmp_path / "c", 3, label=False) == [("unpaired", "suspicious")]

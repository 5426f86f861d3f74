"""Test that drift is reported where two stores differ, and not between random halves of one."""

from __future__ import annotations

import io

import h5py
import numpy as np
import pytest
from building import datum, key, write_lmdb
from PIL import Image

import datacheck
from datacheck.comparing.drift import cdf_distance, drift_findings, normal_deviate
from datacheck.reporting.report import Report
from datacheck.reporting.source import Source
from datacheck.scanning.alike.looking import Values
from datacheck.scanning.settings.make_settings import make


def store(path, labels, values):
    """Write a store of Datum with these labels and arrays of shape (n, 1, 6, 6)."""
    return write_lmdb(
        path, {key(at): datum(it, int(label)) for at, (label, it) in enumerate(zip(labels, values, strict=True))}
    )


def data(seed, count, scale=1.0):
    generator = np.random.default_rng(seed)
    values = generator.integers(0, 200, (count, 1, 6, 6)) * generator.uniform(0.3, 1, (count, 1, 1, 1)) * scale
    return generator.integers(0, 10, count), values.astype(np.uint8)


def drift(*stores):
    reports = datacheck.compare(*stores)
    return [(it.field, it.message) for it in reports[1].findings if it.code == "drift"]


def test_the_like_is_no_drift(tmp_path):
    assert drift(store(tmp_path / "a", *data(1, 2000)), store(tmp_path / "b", *data(2, 400))) == []


def test_other_shares_of_labels(tmp_path):
    labels, values = data(2, 400)
    labels[:200] = 3
    (found,) = drift(store(tmp_path / "a", *data(1, 2000)), store(tmp_path / "b", labels, values))
    assert found[0] == "label"
    assert "3: 5" in found[1]


def test_a_class_that_never_occurs(tmp_path):
    labels, values = data(1, 3000)
    labels[:60] = 11
    others, _ = data(2, 3000)
    (found,) = drift(store(tmp_path / "a", labels, values), store(tmp_path / "b", others, data(3, 3000)[1]))
    assert found[1] == "never 11 here, as would be expected"


def test_another_scale_of_values(tmp_path):
    found = drift(store(tmp_path / "a", *data(1, 600)), store(tmp_path / "b", *data(2, 600, scale=0.5)))
    assert [it[0] for it in found] == ["data"]


def test_other_dtypes_and_shapes(tmp_path):
    labels, values = data(1, 300)
    other = (values[:, :, :4] / 255).astype("f4")
    found = drift(store(tmp_path / "a", labels, values), store(tmp_path / "b", labels, other))
    assert ("data", "float32 here, uint8 in " + str(tmp_path / "a")) in found
    assert ("data", "1x4x6 here, 1x6x6 in " + str(tmp_path / "a")) in found


@pytest.mark.parametrize(("shape", "told"), [((24, 32, 3), []), ((32, 24, 3), ["shape"]), ((3, 24, 32), [])])
def test_arrays_whose_channels_come_last_are_no_other_shape_than_pictures(tmp_path, shape, told):
    values = np.random.default_rng(3).integers(0, 256, (40, 24, 32, 3), dtype=np.uint8)
    pictures, arrays = {}, {}
    for at, it in enumerate(values):
        made, saved = io.BytesIO(), io.BytesIO()
        Image.fromarray(it).save(made, "PNG")
        np.save(saved, it.transpose(2, 0, 1) if shape[0] == 3 else it.reshape(shape))
        pictures[key(at)], arrays[key(at)] = made.getvalue(), saved.getvalue()
    _, report = datacheck.compare(write_lmdb(tmp_path / "a", pictures), write_lmdb(tmp_path / "b", arrays))
    assert [it.details["what"] for it in report.findings if "what" in it.details] == told


def test_numbers_beside_pictures_drift(tmp_path):
    """They are not duplicates of each other, but their values are compared all the same."""
    for at, name in enumerate(("a.h5", "b.h5")):
        generator = np.random.default_rng(at)
        with h5py.File(tmp_path / name, "w") as file:
            file["action"] = generator.normal(size=(200, 7)).astype(np.float32) * (1 + 4 * at)
            file["observations/qpos"] = generator.normal(size=(200, 7)).astype(np.float32)
            file["observations/images/top"] = generator.integers(0, 256, (200, 16, 20, 3), dtype=np.uint8)
    _, report = datacheck.compare(tmp_path / "a.h5", tmp_path / "b.h5")
    assert [it.field for it in report.findings if it.code == "drift"] == ["action"]


def test_few_records_tell_nothing(tmp_path):
    labels, values = data(2, 20)
    labels[:] = 3
    assert drift(store(tmp_path / "a", *data(1, 2000)), store(tmp_path / "b", labels, values)) == []


@pytest.mark.parametrize("classes", [2, 10, 500])
def test_random_halves_of_labels_do_not_differ(classes):
    """However skewed the classes are, none of 2,000 random splits is reported."""
    generator = np.random.default_rng(classes)
    shares = generator.pareto(1.2, classes) + 0.01
    labels = generator.choice(classes, 2000, p=shares / shares.sum())
    for _ in range(2000):
        chosen = generator.random(len(labels)) < generator.uniform(0.1, 0.9)
        counts = np.array([np.bincount(labels[it], minlength=classes) for it in (chosen, ~chosen)], float)
        counts = counts[:, counts.sum(axis=0) > 0]
        assert normal_deviate(counts) < 4.75


@pytest.mark.parametrize("of", ["normal", "standard_cauchy", "few"])
def test_random_halves_of_values_do_not_differ(of):
    """This holds for heavy tails and for values that are mostly the same, too."""
    generator = np.random.default_rng(7)
    settings = make(workers=1)
    reports = [Report(Source(name, "lmdb"), settings) for name in "ab"]
    for _ in range(300):
        count = int(generator.integers(40, 1500))
        measures = (
            generator.choice([0.0, 1.0, 5.0], (count, 4)) if of == "few" else getattr(generator, of)(size=(count, 4))
        )
        half = count // 2
        halves = [Values(np.arange(len(it), dtype=np.uint64), it) for it in (measures[:half], measures[half:])]
        assert not list(drift_findings("a", reports[0], {"x": halves[0]}, reports[1], {"x": halves[1]}))


def test_the_distance_of_distributions():
    assert cdf_distance(np.arange(10.0), np.arange(10.0)) == 0
    assert cdf_distance(np.arange(10.0), np.arange(10.0) + 20) == 1
    assert cdf_distance(np.array([0.0, 1.0]), np.array([0.0, 0.0])) == 0.5


def test_samples_of_values_are_the_same_in_whatever_order_they_add_up():
    generator = np.random.default_rng(1)
    digests = generator.permutation(9000).astype(np.uint64)
    measures = generator.normal(size=(9000, 4))
    sums = []
    for seed in (1, 2):
        made = Values(np.empty(0, np.uint64), np.empty((0, 4)))
        for some in np.array_split(np.random.default_rng(seed).permutation(9000), 10 * seed):
            made += Values(digests[some], measures[some])
        sums.append(made)
    assert (sums[0].digests == np.arange(2048)).all()
    assert (sums[0].measures == sums[1].measures).all()


def test_numbers_that_only_count_the_records_are_no_drift(tmp_path):
    for name, start in (("a.h5", 0), ("b.h5", 1000)):
        with h5py.File(tmp_path / name, "w") as file:
            file["data"] = np.random.default_rng(start).normal(size=(400, 8)).astype("f4")
            file["label"] = np.random.default_rng(start + 1).integers(0, 3, 400)
            file["id"] = np.arange(start, start + 400)
    assert drift(tmp_path / "a.h5", tmp_path / "b.h5") == []

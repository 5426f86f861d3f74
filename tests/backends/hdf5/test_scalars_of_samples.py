"""Scalars of samples go with their sample, and shapes are compared of what is the only dataset of a sample."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

COUNT, ODD = 24, 9


def said(path, **options):
    return [(it.code, it.verdict) for it in datacheck.scan(path, workers=1, **options).findings]


def draw(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def write(path, make):
    """Write as many samples as there are; `make` yields the datasets of one by name."""
    with h5py.File(path, "w") as file:
        for number in range(COUNT):
            for name, values in make(number):
                file[name] = values
    return path


@pytest.mark.parametrize(("value", "options"), [(np.nan, {}), (np.inf, {}), (99.0, {"range": {"energy": (-50, 0)}})])
def test_a_sample_whose_scalar_is_bad_goes(tmp_path, value, options):
    def crystals(number):
        yield f"mp-{number}/positions", draw(number, 4 + number % 5, 3)
        yield f"mp-{number}/energy", value if number == ODD else -1.0 - number

    source = write(tmp_path / "a.h5", crystals)
    receipt = datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1, **options)
    assert receipt.samples == [f"/mp-{ODD}"]
    assert said(tmp_path / "b.h5", **options) == []


def features(shape, odd):
    def make(number):
        yield f"v_{number:02}/c3d", draw(number, *(odd(number) if number == ODD else shape(number)))

    return make


def single(shape, odd):
    def make(number):
        yield f"trace_{number}", draw(number, *(odd if number == ODD else shape))

    return make


ODD_SHAPES = {
    "features": (features(lambda it: (20 + it, 32), lambda it: (20 + it, 30)), "bad"),
    "channels-by-time": (features(lambda it: (12, 600), lambda it: (12, 411)), "suspicious"),
    "signal-cut-short": (single((600, 3), (311, 3)), "suspicious"),
    "embedding": (single((64,), (32,)), "bad"),
}


@pytest.mark.parametrize(("make", "verdict"), ODD_SHAPES.values(), ids=ODD_SHAPES)
def test_the_one_of_another_shape_is_named(tmp_path, make, verdict):
    assert said(write(tmp_path / "a.h5", make)) == [("shape", verdict)]


SOUND_SHAPES = {
    "episodes": features(lambda it: (20 + it, 32), lambda it: (3, 32)),
    "spectrograms": features(lambda it: (80, 100 + it), lambda it: (80, 7)),
    "sounds": lambda number: [(f"utt_{number}", draw(number, 400 + 3 * number))],
}


@pytest.mark.parametrize("make", SOUND_SHAPES.values(), ids=SOUND_SHAPES)
def test_samples_of_any_length_are_sound(tmp_path, make):
    assert said(write(tmp_path / "a.h5", make)) == []


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"jets": draw(0, 200, 5), "tracks": draw(1, 196, 10, 3)}, [("row-count", "bad")]),
        ({"particle_features": draw(0, 200, 30, 3), "jet_features": draw(1, 197, 4)}, [("row-count", "bad")]),
        ({"tracings": draw(0, 60, 64, 12), "exam_id": np.arange(59)}, [("row-count", "suspicious")]),
        ({"smiles": [b"CC"] * 60, "y": draw(0, 60, 3), "ids": [b"m"] * 59}, [("row-count", "suspicious")]),
        (
            {
                **{name: draw(3, 60, 8) for name in ("ids_of_words", "mask", "segments", "places")},
                "next_labels": draw(1, 57),
            },
            [("row-count", "bad")],
        ),
        ({**{name: draw(3, 60, 8) for name in "abcd"}, "final_labels": draw(1, 59)}, []),
        ({"tracings": draw(0, 60, 64, 12), "lead_names": [b"I"] * 12}, []),
        ({"jets": draw(0, 200, 5), "tracks": draw(1, 3000, 3)}, []),
    ],
)
def test_columns_that_belong_together_by_their_names(tmp_path, columns, expected):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, values in columns.items():
            file[name] = values
    assert [it for it in said(tmp_path / "a.h5") if it[0] == "row-count"] == expected

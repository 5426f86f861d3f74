"""Test files of few datasets, of which one is a few rows shorter than the others."""

import h5py
import numpy as np
import pytest

import datacheck


def showers(path, shapes):
    with h5py.File(path, "w") as file:
        for at, (name, shape) in enumerate(shapes.items()):
            file[name] = np.random.default_rng(at).normal(size=shape).astype("f4")
    return [(it.code, it.verdict) for it in datacheck.scan(path, workers=1).findings]


SUSPICIOUS = {
    "two datasets": {"incident_energies": (297, 1), "showers": (300, 46)},
    "layers": {"energy": (150, 1), "layer_0": (150, 3, 9), "layer_1": (150, 4), "layer_2": (147, 4, 2), "e": (150, 3)},
    "three": {"sen1": (297, 4, 4, 8), "sen2": (300, 4, 4, 9), "label": (300, 17)},
    "four": {"images": (300, 4, 4, 3), "boxes": (297, 10, 4), "feats": (300, 10, 8), "spatials": (300, 10, 6)},
    "features of boxes": {"features": (18, 10, 8), "bboxes": (20, 10, 4)},
    "a signal and its labels": {"signal": (300, 46), "labels_of_it": (297, 3)},
    "a column beside an index": {"a": (3000,), "b": (3000,), "c": (3000,), "d": (2995,), "ms": (500,)},
}  # fmt: skip
SOUND = {
    "sensors of other rates": {"a": (3000,), "b": (3000,), "c": (3000,), "d": (1500,), "ms": (500,)},
    "of one length": {"incident_energies": (300, 1), "showers": (300, 46)},
    "two clouds": {"source_points": (300, 3), "points": (297, 3)},
    "one row apart": {"mel": (300, 80), "f0": (299, 1)},
    "two sets": {"train_a": (300, 8), "valid_b": (297, 4)},
    "factors": {"user_factors": (300, 8), "item_factors": (297, 9)},
    "layers of a network": {"W1": (300, 64), "W2": (297, 10)},
    "a graph": {"x": (300, 16), "edge_attr": (297, 4)},
    "a mesh": {"vertices": (300, 3), "faces": (304, 4)},
    "a search": {"query": (297, 16), "gallery": (300, 8)},
    "few rows": {"boxes": (50, 4), "masks": (49, 8)},
    "layers": {"energy": (150, 1), "layer_0": (150, 3, 9), "layer_1": (150, 4, 4), "layer_2": (150, 4, 2)},
    "a mesh of squares": {"points": (300, 2), "elements": (297, 4), "u": (300, 1)},
    "three clouds": {"a": (300, 3), "b": (300, 3), "c": (297, 3)},
    "far": {"images": (300, 4, 4, 3), "events": (280, 4), "feats": (300, 8)},
    "with an axis": {"images": (300, 4, 4, 3), "feats": (300, 8), "wavelengths": (297,)},
    "two classes": {"signal": (300, 46), "background": (297, 30)},
    "two domains": {"domain_a": (300, 46), "domain_b": (297, 30)},
    "pictures": {"mask": (40, 50), "img_0": (40, 50, 3), "img_1": (40, 50, 3), "img_2": (39, 50, 3)},
}


@pytest.mark.parametrize("name", SUSPICIOUS)
def test_one_that_is_a_little_shorter_is_suspicious(tmp_path, name):
    assert showers(tmp_path / "a.h5", SUSPICIOUS[name]) == [("row-count", "suspicious")]


@pytest.mark.parametrize("name", SOUND)
def test_others_are_meant_to_be_as_they_are(tmp_path, name):
    assert showers(tmp_path / "a.h5", SOUND[name]) == []


@pytest.mark.parametrize("pool", ["mean", "max", None])
@pytest.mark.parametrize("place", [0, 10])
def test_one_feature_may_be_that_of_the_whole_picture(tmp_path, pool, place):
    """Bottom-up features have the mean of those of all boxes before or behind them; any other one has lost its box."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(10, 64)).astype("f4")
    one = rng.normal(size=64) if pool is None else getattr(features, pool)(axis=0)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["features"], file["boxes"] = np.insert(features, place, one, axis=0), rng.random((10, 4))
    found = [(it.code, it.verdict) for it in datacheck.scan(tmp_path / "a.h5", workers=1).findings]
    assert found == ([("row-count", "suspicious")] if pool is None else [])


def test_names_of_columns_have_nothing_to_do_with_the_rows(tmp_path):
    """Beside the names of 59 features, the pictures of jets that lack some are found."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, shape in {"jets": (300, 59), "image": (300, 9, 9), "ecal": (296, 9, 9), "hcal": (300, 9, 9)}.items():
            file[name] = np.random.default_rng(len(name)).normal(size=shape)
        file["mass"] = np.arange(300)
        file["names"] = np.array([f"j_{at}" for at in range(59)], "S")
    (finding,) = datacheck.scan(tmp_path / "a.h5", workers=1).findings
    assert (finding.code, finding.verdict, "/ecal" in finding.details["rows"]) == ("row-count", "suspicious", True)


def test_pictures_that_are_fewer_than_labels_and_names_are_suspicious(tmp_path):
    """Features of AudioSet have a name for each clip, and many labels."""
    with h5py.File(tmp_path / "bal_train.h5", "w") as file:
        file["x"] = np.random.default_rng(0).integers(0, 255, (298, 10, 12)).astype("u1")
        file["y"] = np.random.default_rng(0).random((300, 52)) < 0.1
        file["video_id_list"] = np.array([f"v{at:09}" for at in range(300)], "S11")
    (finding,) = datacheck.scan(tmp_path / "bal_train.h5", workers=1).findings
    assert (finding.code, "/x" in finding.details["rows"]) == ("row-count", True)

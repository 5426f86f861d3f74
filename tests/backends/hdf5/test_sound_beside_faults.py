"""Sound files that look like faults of samples: missed visits, thinned frames, counts of other rows."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck


def noise(seed, *shape):
    return np.random.default_rng(seed).random(shape).astype("f4")


def said(path):
    return [(it.verdict, it.code) for it in datacheck.scan(path, workers=1).findings]


def spoil(file, path, at=3):
    values = file[path][()]
    values.reshape(-1)[at] = np.nan
    file[path][...] = values


def visits(path, lengths, gone):
    with h5py.File(path, "w") as file:
        for patient in range(12):
            for visit in range(3):
                if (patient, visit) != gone:
                    group = file.create_group(f"patient_{patient}/visit_{visit}")
                    group["scan"] = noise(10 * patient + visit, lengths(patient, visit), 5)
    return path


@pytest.mark.parametrize("visit", [0, 1, 2])
def test_a_visit_that_a_patient_missed_is_suspicious_where_visits_have_lengths_of_their_own(tmp_path, visit):
    path = visits(tmp_path / "a.h5", lambda patient, visit: 30 + (7 * patient + 3 * visit) % 11, (4, visit))
    assert said(path) == [("suspicious", "unpaired")]


def test_a_part_that_has_one_length_in_all_samples_and_another_than_the_other_parts_is_missed(tmp_path):
    path = visits(tmp_path / "a.h5", lambda patient, visit: 30 + visit, (4, 1))
    assert said(path) == [("bad", "unpaired")]


@pytest.mark.parametrize(("count", "verdict"), [(22, "suspicious"), (15, "suspicious"), (25, "bad")])
def test_a_count_of_frames_of_which_every_second_or_third_is_kept_is_suspicious(tmp_path, count, verdict):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for at in range(40):
            number = 44 if at == 7 else 10 + (7 * at) % 40
            group = file.create_group(f"video_{at}")
            group["features"], group["n_frames"] = noise(at, count if at == 7 else number, 4), number
    assert said(tmp_path / "a.h5") == [(verdict, "count")]


def test_a_picture_without_boxes_where_all_others_have_several_is_suspicious(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for at in range(30):
            boxes = 0 if at == 4 else 5
            group = file.create_group(f"image_{at}")
            group["image"], group["boxes"] = noise(at, 32, 32, 3), noise(at, boxes, 4)
            group["scores"] = noise(at, boxes)
    (it,) = datacheck.scan(tmp_path / "a.h5", workers=1).findings
    assert (it.verdict, it.code) == ("suspicious", "unpaired")
    assert it.message == "/image_4 has no row in boxes, scores; the other 29 like it do"


def episodes(path, total, nan=None):
    """Write episodes with one more observation than actions, which nothing else is as long as."""
    with h5py.File(path, "w") as file:
        for at in range(10):
            group = file.create_group(f"ep_{at}")
            group["obs"], group["image"] = noise(at, 11 + at % 3, 4), noise(at, 11 + at % 3, 8, 8)
            group["action"] = noise(at, 10 + at % 3, 2)
            group.attrs["num_samples"] = 10 + at % 3
        file.attrs["total"] = total
        if nan is not None:
            spoil(file, f"ep_{nan}/action")
    return path


ACTIONS, OBSERVATIONS = sum(10 + at % 3 for at in range(10)), sum(11 + at % 3 for at in range(10))


@pytest.mark.parametrize("total", [ACTIONS, OBSERVATIONS])
def test_a_total_may_count_the_actions_or_the_observations(tmp_path, total):
    assert said(episodes(tmp_path / "a.h5", total)) == []


def test_another_total_is_named(tmp_path):
    assert said(episodes(tmp_path / "a.h5", ACTIONS + 1)) == [("bad", "count")]


def test_a_total_of_the_actions_is_true_in_a_copy(tmp_path):
    source = episodes(tmp_path / "a.h5", ACTIONS, nan=4)
    datacheck.rebuild(source, tmp_path / "copy.h5", drop_bad=True, workers=1)
    datacheck.rebuild(source, tmp_path / "rows.h5", drop_bad=True, drop_rows=True, accept_losses=True, workers=1)
    for name in ("copy.h5", "rows.h5"):
        with h5py.File(tmp_path / name) as file:
            assert file.attrs["total"] == sum(len(it["action"]) for it in file.values())
            assert all(it.attrs["num_samples"] == len(it["action"]) for it in file.values())


def well(path, nan, *, size=8):
    """Write fields of The Well of which all axes are as long as each other, and alike for each rank."""
    with h5py.File(path, "w") as file:
        file.attrs["n_trajectories"] = size
        file.create_group("dimensions").attrs["spatial_dims"] = ["x", "y"]
        for name in ("time", "x", "y"):
            file["dimensions"][name] = np.arange(size, dtype="f4")
            file["dimensions"][name].attrs["sample_varying"] = False
        group = file.create_group("boundary_conditions/x_periodic")
        group["mask"], group.attrs["sample_varying"] = np.zeros(size, bool), False
        for rank in range(3):
            field = file.create_dataset(f"t{rank}_fields/p", data=noise(rank, *(size,) * 4, *(2,) * rank))
            field.attrs.update(sample_varying=True, time_varying=True, dim_varying=[True, True])
        spoil(file, nan, 2 * size**3)
    return path


def test_a_copy_loses_a_trajectory_of_all_fields_and_keeps_the_masks_of_boundaries(tmp_path):
    source = well(tmp_path / "a.h5", "t0_fields/p")
    datacheck.rebuild(source, tmp_path / "copy.h5", drop_bad=True, workers=1)
    with h5py.File(source) as before, h5py.File(tmp_path / "copy.h5") as after:
        assert after.attrs["n_trajectories"] == 7
        for rank in range(3):
            kept = np.delete(before[f"t{rank}_fields/p"][()], 2, axis=0)
            assert np.array_equal(kept, after[f"t{rank}_fields/p"][()])
        assert all(len(it) == 8 for it in (*after["dimensions"].values(), after["boundary_conditions/x_periodic/mask"]))
    assert said(tmp_path / "copy.h5") == []


def test_a_copy_without_a_time_that_all_fields_have_is_not_written(tmp_path):
    source = well(tmp_path / "a.h5", "t0_fields/p")
    with h5py.File(source, "a") as file:
        file["dimensions/time"][2] = np.nan
    with pytest.raises(datacheck.UsageError, match="/dimensions/time is the same for all trajectories"):
        datacheck.rebuild(source, tmp_path / "copy.h5", drop_bad=True, workers=1)

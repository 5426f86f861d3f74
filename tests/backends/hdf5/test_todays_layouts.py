"""Layouts of datasets that are in use today: what is sound is clean, and a fault is named where it is."""

import h5py
import numpy as np
import pytest

import datacheck


def scanned(path):
    report = datacheck.scan(path, workers=1)
    return [(it.code, it.verdict, it.file or "", it.key) for it in report.findings], report.status


def mri(folder, shapes):
    """Write a volume a file, of k-space and its picture, as fastMRI has them."""
    folder.mkdir()
    draw = np.random.default_rng(1)
    for number, (coils, rows, columns) in enumerate(shapes):
        with h5py.File(folder / f"file{2000 + 37 * number}.h5", "w") as file:
            slices = 6 + number % 3
            shape = (slices, coils, rows, columns)
            file["kspace"] = (draw.normal(size=shape) + 1j * draw.normal(size=shape)).astype("c8")
            file["reconstruction_rss"] = draw.random((slices, 24, 24)).astype("f4")
            file["ismrmrd_header"] = "<header/>"
            file.attrs["acquisition"] = "AXT2"
    return folder


@pytest.mark.parametrize(
    "shapes",
    [
        [(4, 64, 36), (4, 64, 38), (4, 64, 40)] * 4,
        [(4, 64, 36)] * 9 + [(4, 64, 38)] * 2,
        [(4, 64, 36), (5, 64, 36), (4, 76, 39), (6, 64, 36), (6, 76, 40), (5, 64, 39)] * 2,
    ],
)
def test_kspace_has_the_size_that_was_measured(tmp_path, shapes):
    assert scanned(mri(tmp_path / "x", shapes)) == ([], 0)


def test_kspace_that_is_half_as_wide_is_wrong(tmp_path):
    found, status = scanned(mri(tmp_path / "x", [(4, 64, 36)] * 11 + [(4, 64, 17)]))
    assert status == 1
    assert {it[:3] for it in found} == {("shape", "bad", "file2407.h5")}


def maze(path, odd=None, rows=3000):
    """Write transitions with more of each step in a group beside them, as D4RL has them."""
    draw = np.random.default_rng(2)
    with h5py.File(path, "w") as file:
        for name, width in (("actions", 8), ("observations", 29), ("infos/goal", 2), ("infos/qpos", 15)):
            count = rows + (odd or {}).get(name, 0)
            file[name] = draw.normal(size=(count, width)).astype("f4")
        file["rewards"], file["timeouts"] = draw.random(rows).astype("f4"), np.arange(rows) % 700 == 699
    return path


@pytest.mark.parametrize("odd", [{}, {"infos/goal": 1}, {"infos/goal": -2900}, {"infos/goal": -2999}])
def test_what_is_known_of_a_maze_is_no_step(tmp_path, odd):
    assert scanned(maze(tmp_path / "x.h5", odd)) == ([], 0)


@pytest.mark.parametrize("more", [-1, -40, 2, 100])
def test_what_is_known_of_each_step_is_as_much_as_there_are_steps(tmp_path, more):
    found, status = scanned(maze(tmp_path / "x.h5", {"infos/qpos": more}))
    assert (found, status) == ([("row-count", "bad", "", None)], 1)


def boxes(path, change=lambda boxes: None, name="pos_boxes"):
    """Write the features of all regions of all pictures, and which are of which picture, as VQA models read them."""
    draw = np.random.default_rng(3)
    ends = np.cumsum(draw.integers(10, 37, 50))
    ranges = np.stack([np.concatenate([[0], ends[:-1]]), ends], axis=1)
    change(ranges)
    with h5py.File(path, "w") as file:
        for field, width in (("image_features", 32), ("image_bb", 4), ("spatial_features", 6)):
            file[field] = draw.random((ends[-1], width)).astype("f4")
        file[name] = ranges.astype("i4")
    return path


def beyond(ranges):
    ranges[-1, 1] += 1


def short(ranges):
    ranges[-1, 1] -= 4


def elsewhere(ranges):
    ranges += 10_000


@pytest.mark.parametrize(
    ("change", "name", "wrong"),
    [
        (lambda _: None, "pos_boxes", False),
        (short, "pos_boxes", False),
        (elsewhere, "pos_boxes", False),
        (beyond, "time_bnds", False),
        (beyond, "pos_boxes", True),
        (beyond, "row_ranges", True),
    ],
)
def test_ranges_of_regions_end_with_the_last_one(tmp_path, change, name, wrong):
    found, status = scanned(boxes(tmp_path / "x.h5", change, name))
    assert (found, status) == ([("dangling", "bad", "", None)] * wrong, int(wrong))


def test_labels_that_are_fewer_are_said_once(tmp_path):
    folder = tmp_path / "clouds"
    folder.mkdir()
    draw = np.random.default_rng(4)
    for number in range(5):
        with h5py.File(folder / f"ply_data_train{number}.h5", "w") as file:
            file["data"] = draw.normal(size=(60, 128, 3)).astype("f4")
            file["label"] = draw.integers(0, 40, (60 - 3 * (number == 2), 1)).astype("u1")
    assert scanned(folder)[0] == [("row-count", "bad", "ply_data_train2.h5", None)]


def molecules(path):
    """Write a group a molecule, by numbers or by what it is made of, as SPICE has them."""
    draw = np.random.default_rng(6)
    with h5py.File(path, "w") as file:
        for number in range(40):
            atoms, shapes = 20 if number == 1 else int(draw.integers(6, 30)), int(draw.integers(10, 50))
            name = f"{103900000 + 31 * number}" if number % 2 == 0 else f"{'ACDEFGHIKL'[number % 10]}G-{number}"
            group = file.create_group(name)
            group["atomic_numbers"] = draw.choice([1, 6, 7, 8], atoms).astype("i2")
            group["conformations"] = draw.normal(size=(shapes, atoms, 3)).astype("f4")
            group["dft_total_energy"] = draw.normal(size=shapes)
            group["dft_total_gradient"] = draw.normal(size=(shapes, atoms, 3)).astype("f4")
            group["smiles"] = np.array(["[H:1]C"], h5py.string_dtype())
    return path


def test_a_molecule_goes_whatever_the_others_are_called(tmp_path):
    path, copy = molecules(tmp_path / "x.h5"), tmp_path / "copy.h5"
    assert scanned(path) == ([], 0)
    with h5py.File(path, "a") as file:
        file["103900186/dft_total_gradient"][3, 2, 1] = np.nan
    assert [it[::3] for it in scanned(path)[0]] == [("nan", "/103900186/conformations[3]")]
    datacheck.rebuild(path, copy, drop_bad=True, workers=1)
    with h5py.File(path) as before, h5py.File(copy) as after:
        assert before.keys() - after.keys() == {"103900186"}
        for name, group in after.items():
            assert len(group["conformations"]) == len(group["dft_total_energy"]) == len(group["dft_total_gradient"])
            assert group["atomic_numbers"][:].tolist() == before[name]["atomic_numbers"][:].tolist()


def states(path, odd=None):
    """Write trajectories with the states before and behind each action, as ManiSkill has them."""
    draw = np.random.default_rng(7)
    with h5py.File(path, "w") as file:
        for number in range(20):
            steps = 30 + int(draw.integers(0, 30))
            group = file.create_group(f"traj_{number}")
            group["actions"], group["success"] = draw.normal(size=(steps, 8)), np.arange(steps) == steps - 1
            for name, width in (("obs", 42), ("env_states/actors/cube", 13), ("env_states/articulations/arm", 31)):
                group[name] = draw.normal(size=(steps + 1 - 2 * (number == 9 and name == odd), width)).astype("f4")
    return path


def test_states_are_one_more_than_actions(tmp_path):
    assert scanned(states(tmp_path / "x.h5")) == ([], 0)


@pytest.mark.parametrize("odd", ["obs", "env_states/actors/cube"])
def test_a_trajectory_with_fewer_states_goes_as_a_whole(tmp_path, odd):
    path, copy = states(tmp_path / "x.h5", odd), tmp_path / "copy.h5"
    assert {it.details["sample"] for it in datacheck.scan(path, workers=1).findings} == {"/traj_9"}
    datacheck.rebuild(path, copy, drop_bad=True, workers=1)
    with h5py.File(copy) as file:
        assert len(file) == 19
        assert all(
            len(it["obs"]) == len(it["env_states/actors/cube"]) == len(it["actions"]) + 1 for it in file.values()
        )

"""Test rebuilding HDF5 files of samples: whole episodes or datasets are dropped, and counts and lists stay true."""

import h5py
import numpy as np
import pytest

import datacheck
from datacheck.errors import UsageError


def numbers(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def write_demos(path, change=lambda file: None, count=6):
    with h5py.File(path, "w") as file:
        for number in range(count):
            steps = 15 + 2 * number
            group = file.create_group(f"data/traj_{number}")
            group.attrs["num_samples"] = steps
            group["actions"], group["obs/joints"] = numbers(number, steps, 7), numbers(number + 50, steps, 6)
            group.create_dataset("obs/gripper", data=numbers(number + 90, steps, 2), chunks=(4, 2), compression="gzip")
            group["camera"] = numbers(number, 3, 3)
        file["data"].attrs["total"] = sum(15 + 2 * it for it in range(count))
        file["data"].attrs["num_demos"] = count
        file["mask/train"] = np.array([b"traj_%d" % it for it in range(count - 1)])
        file["mask/valid"] = [f"traj_{count - 1}"]
        change(file)
    return path


def spoil(file):
    file["data/traj_2/obs/joints"][7, 3] = np.nan


def test_an_episode_with_a_bad_step_goes_as_a_whole(tmp_path):
    source, copy = write_demos(tmp_path / "a.h5", spoil), tmp_path / "b.h5"
    receipt = datacheck.rebuild(source, copy, drop_bad=True, workers=1, quarantine=tmp_path / "q")
    assert receipt.dropped == 2 * 19 + 3  # its rows of actions and obs, and its camera
    assert datacheck.scan(copy, workers=1).clean
    with h5py.File(copy) as file, h5py.File(source) as was:
        assert sorted(file["data"]) == [f"traj_{it}" for it in (0, 1, 3, 4, 5)]
        assert dict(file["data"].attrs) == {"total": 15 + 17 + 21 + 23 + 25, "num_demos": 5}
        assert file["mask/train"][:].tolist() == [b"traj_0", b"traj_1", b"traj_3", b"traj_4"]
        assert file["mask/valid"][:].tolist() == [b"traj_5"]
        assert np.array_equal(file["data/traj_3/obs/gripper"][:], was["data/traj_3/obs/gripper"][:])
    (held,) = (tmp_path / "q").glob("*.h5")
    with h5py.File(held) as file:
        assert len(file["data/traj_2/actions"]) == len(file["data/traj_2/obs/gripper"]) == 19


def test_a_single_step_goes_from_all_that_is_in_step(tmp_path):
    source, copy = write_demos(tmp_path / "a.h5", spoil), tmp_path / "b.h5"
    receipt = datacheck.rebuild(source, copy, drop_bad=True, drop_rows=True, workers=1)
    assert receipt.dropped == 2
    assert datacheck.scan(copy, workers=1).clean
    with h5py.File(copy) as file, h5py.File(source) as was:
        left = [*range(7), *range(8, 19)]
        for name in ("actions", "obs/joints", "obs/gripper"):
            assert np.array_equal(file["data/traj_2"][name][:], was["data/traj_2"][name][:][left])
        assert file["data/traj_2"].attrs["num_samples"] == 18
        assert file["data"].attrs["total"] == 15 + 17 + 18 + 21 + 23 + 25
        assert len(file["data/traj_2/camera"]) == 3
        assert sorted(file["data"]) == [f"traj_{it}" for it in range(6)]


def lacks_obs(file):
    del file["data/traj_4/obs"]


def is_short(file):
    del file["data/traj_4/actions"]
    file["data/traj_4/actions"] = numbers(1, 20, 7)


@pytest.mark.parametrize("change", [lacks_obs, is_short])
def test_an_episode_that_is_not_whole_goes(tmp_path, change):
    copy = tmp_path / "b.h5"
    receipt = datacheck.rebuild(write_demos(tmp_path / "a.h5", change), copy, drop_bad=True, workers=1)
    assert receipt.lost == []
    with h5py.File(copy) as file:
        assert "traj_4" not in file["data"]
        assert file["data"].attrs["total"] == 15 + 17 + 19 + 21 + 25
    assert datacheck.scan(copy, workers=1).clean


def test_numbers_and_names_that_are_untrue_are_mended(tmp_path):
    def change(file):
        file["data/traj_1"].attrs["num_samples"] = 99
        del file["mask/train"]
        file["mask/train"] = np.array([b"traj_0", b"traj_9", b"traj_3"])

    copy = tmp_path / "b.h5"
    receipt = datacheck.rebuild(write_demos(tmp_path / "a.h5", change), copy, drop_bad=True, workers=1)
    assert receipt.dropped == 0
    with h5py.File(copy) as file:
        assert file["data/traj_1"].attrs["num_samples"] == 17
        assert file["mask/train"][:].tolist() == [b"traj_0", b"traj_3"]
    assert datacheck.scan(copy, workers=1).clean


def write_flat(path, bad=(33,)):
    with h5py.File(path, "w") as file:
        file["action"], file["img"] = numbers(1, 100, 7), numbers(2, 100, 4, 4)
        file.create_dataset("more/state", data=numbers(3, 100, 5), chunks=(8, 5))
        for row in bad:
            file["more/state"][row, 1] = np.inf
        file["episode_ends"] = [20, 45, 75, 100]
        file["split/train_idx"], file["split/val_idx"] = np.arange(80), np.arange(80, 100)
    return path


def test_row_numbers_lead_to_the_same_rows_in_the_copy(tmp_path):
    source = write_flat(tmp_path / "a.h5")
    datacheck.rebuild(source, tmp_path / "step.h5", drop_bad=True, drop_rows=True, workers=1)
    with h5py.File(tmp_path / "step.h5") as file, h5py.File(source) as was:
        left = np.delete(np.arange(100), 33)
        assert file["episode_ends"][:].tolist() == [20, 44, 74, 99]
        assert np.array_equal(file["split/train_idx"][:], np.arange(79))
        assert np.array_equal(file["split/val_idx"][:], np.arange(79, 99))
        for name in ("action", "img", "more/state"):
            assert np.array_equal(file[name][:], was[name][:][left])
    datacheck.rebuild(source, tmp_path / "episode.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "episode.h5") as file, h5py.File(source) as was:
        left = [*range(20), *range(45, 100)]
        assert file["episode_ends"][:].tolist() == [20, 50, 75]
        assert np.array_equal(file["action"][:], was["action"][:][left])
        assert file["split/train_idx"][:].tolist() == [*range(55)]
    assert datacheck.scan(tmp_path / "episode.h5", workers=1).clean


def write_matrix(path):
    with h5py.File(path, "w") as file:
        values = np.ones(9)
        values[4] = np.nan
        file["m/data"], file["m/indices"], file["m/indptr"] = values, np.arange(9) % 4, [0, 2, 5, 9]
        file["m/shape"] = [4, 3]
    return path


def write_twins(path):
    with h5py.File(path, "w") as file:
        file["features/left"], file["others/right"] = numbers(1, 30, 4), numbers(2, 30, 4)
        file["features/left"][3] = np.nan
    return path


@pytest.mark.parametrize(("write", "named"), [(write_matrix, "/m is a sparse matrix"), (write_twins, "/others/right")])
def test_what_a_copy_would_leave_untrue_stops_it_by_name(tmp_path, write, named):
    source, copy = write(tmp_path / "a.h5"), tmp_path / "b.h5"
    with pytest.raises(UsageError, match=named):
        datacheck.rebuild(source, copy, drop_bad=True, workers=1)
    assert not copy.exists()
    receipt = datacheck.rebuild(source, copy, drop_bad=True, accept_losses=True, workers=1)
    assert any(named in it for it in receipt.unkept)


def write_episode(path, number, bad=False):
    with h5py.File(path, "w") as file:
        steps = 20 + number
        file["action"], file["observations/qpos"] = numbers(number, steps, 7), numbers(number + 9, steps, 7)
        if bad:
            file["observations/qpos"][3] = np.nan


def test_an_episode_that_is_a_file_goes_as_a_whole(tmp_path):
    (tmp_path / "a").mkdir()
    for number in range(5):
        write_episode(tmp_path / "a" / f"episode_{number}.hdf5", number, bad=number == 2)
    receipt = datacheck.rebuild(tmp_path / "a", tmp_path / "b", drop_bad=True, workers=1)
    assert receipt.dropped == 2 * 22
    assert sorted(it.name for it in (tmp_path / "b").iterdir()) == [f"episode_{it}.hdf5" for it in range(4)]
    datacheck.rebuild(tmp_path / "a", tmp_path / "c", drop_bad=True, drop_rows=True, workers=1)
    with h5py.File(tmp_path / "c" / "episode_2.hdf5") as file:
        assert len(file["action"]) == len(file["observations/qpos"]) == 21


def test_a_shard_of_records_loses_the_record_alone(tmp_path):
    (tmp_path / "a").mkdir()
    for number in range(4):
        with h5py.File(tmp_path / "a" / f"train_{number}.h5", "w") as file:
            file["data"], file["label"] = numbers(number, 40, 3), np.arange(40) % 5
            if number == 1:
                file["data"][17] = np.nan
    receipt = datacheck.rebuild(tmp_path / "a", tmp_path / "b", drop_bad=True, workers=1)
    assert (receipt.dropped, receipt.kept) == (1, 159)
    with h5py.File(tmp_path / "b" / "train_1.h5") as file:
        assert len(file["data"]) == len(file["label"]) == 39


def write_proteins(path, lengths, bad=None, name="P{}"):
    with h5py.File(path, "w") as file:
        for at, length in enumerate(lengths):
            values = numbers(at, *length)
            if at == bad:
                values.flat[3] = np.nan
            file[name.format(70301 + 13 * at)] = values
            file[name.format(70301 + 13 * at)].attrs["id"] = f"sp|{at}"
    return path


@pytest.mark.parametrize(
    "lengths", [[(64,)] * 30, [(5 + at % 7, 16) for at in range(30)], [(9, 16)] * 30], ids=["flat", "varied", "alike"]
)
def test_a_dataset_a_sample_is_one_record(tmp_path, lengths):
    source, copy = write_proteins(tmp_path / "a.h5", lengths, 11), tmp_path / "b.h5"
    report = datacheck.scan(source, workers=1)
    assert report.source.records == 30
    assert [(it.key, it.code) for it in report.findings] == [("/P70444", "nan")]
    receipt = datacheck.rebuild(source, copy, drop_bad=True, workers=1, quarantine=tmp_path / "q")
    assert (receipt.kept, receipt.dropped, receipt.quarantined) == (29, 1, 1)
    with h5py.File(copy) as file, h5py.File(source) as was:
        assert set(was) - set(file) == {"P70444"}
        assert all(np.array_equal(file[name][:], was[name][:]) for name in file)
    assert datacheck.scan(copy, workers=1).clean


def test_several_workers_say_the_same_of_datasets(tmp_path):
    source = write_proteins(tmp_path / "a.h5", [(3 + at % 5, 8) for at in range(50)], 20)
    one, two = datacheck.scan(source, workers=1), datacheck.scan(source, workers=2)
    assert (list(one.findings), one.bad, one.statistics) == (list(two.findings), two.bad, two.statistics)


def test_a_value_may_be_filled_in_a_dataset_that_is_a_record(tmp_path):
    source, copy = write_proteins(tmp_path / "a.h5", [(7, 4)] * 20, 5), tmp_path / "b.h5"
    receipt = datacheck.rebuild(source, copy, fill=0.0, workers=1)
    assert (receipt.altered, receipt.dropped) == (1, 0)
    assert datacheck.scan(copy, workers=1).clean


def test_all_parts_of_a_picture_go_together(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for at in range(24):
            rows = (36, 50, 23)[at % 3]
            file[f"{5000 + 7 * at}_features"], file[f"{5000 + 7 * at}_boxes"] = (
                numbers(at, rows, 8),
                numbers(at, rows, 4),
            )
        file["5028_features"][2, 2] = np.nan
        del file["5049_boxes"]
    report = datacheck.scan(tmp_path / "a.h5", workers=1)
    assert [(it.key, it.code) for it in report.findings] == [(None, "unpaired"), ("/5028_features", "nan")]
    receipt = datacheck.rebuild(tmp_path / "a.h5", tmp_path / "b.h5", drop_bad=True, workers=1)
    assert receipt.dropped == 3
    with h5py.File(tmp_path / "b.h5") as file:
        assert len(file) == 44
        assert not any(name.startswith(("5028", "5049")) for name in file)


def test_where_both_readings_are_possible_a_rebuild_asks(tmp_path):
    source = tmp_path / "a.h5"
    with h5py.File(source, "w") as file:
        for at in range(20):
            file[f"feature_{at}"] = numbers(at, 40)
        file["feature_7"][3] = np.nan
    (finding,) = datacheck.scan(source, workers=1).findings
    assert (finding.key, finding.field) == ("/[3]", "feature_7")
    with pytest.raises(UsageError, match="--convention per-sample or --convention table"):
        datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1)
    table = datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1, convention="table")
    each = datacheck.rebuild(source, tmp_path / "c.h5", drop_bad=True, workers=1, convention="per-sample")
    assert (table.records, table.dropped, each.records, each.dropped) == (40, 1, 20, 1)


def test_columns_beside_a_label_are_a_table(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for at in range(20):
            file[f"sensor_{900 + 7 * at}"] = numbers(at, 40)
        file["label"] = np.arange(40) % 2
    assert datacheck.scan(tmp_path / "a.h5", workers=1).source.records == 40


def write_cells(path, **more):
    with h5py.File(path, "w") as file:
        file["X"], file["layers/counts"], file["obsm/X_pca"] = numbers(1, 40, 6), numbers(2, 40, 6), numbers(3, 40, 2)
        file["X"][9, 4] = np.nan
        file["obs/_index"], file["obs/depth"] = [f"cell{it}" for it in range(40)], numbers(4, 40)
        file["obs/kind/codes"], file["obs/kind/categories"] = np.arange(40, dtype="i1") % 3 - 1, ["a", "b"]
        file["var/_index"], file["var/mean"] = [f"gene{it}" for it in range(6)], numbers(5, 6)
        for name, values in more.items():
            file[name.replace("__", "/")] = values
    return path


def test_a_cell_goes_from_all_that_has_a_row_a_cell(tmp_path):
    source, copy = write_cells(tmp_path / "a.h5ad"), tmp_path / "b.h5ad"
    assert [it.key for it in datacheck.scan(source, workers=1).findings] == ["/[9]"]
    datacheck.rebuild(source, copy, drop_bad=True, workers=1)
    left = np.delete(np.arange(40), 9)
    with h5py.File(copy) as file, h5py.File(source) as was:
        for name in ("X", "layers/counts", "obsm/X_pca", "obs/_index", "obs/depth", "obs/kind/codes"):
            assert np.array_equal(file[name][:], was[name][:][left])
        assert len(file["obs/kind/categories"]) == 2
        assert len(file["var/mean"]) == 6
    assert datacheck.scan(copy, workers=1).clean


def test_distances_between_cells_lose_a_row_and_a_column(tmp_path):
    source, copy = write_cells(tmp_path / "a.h5ad", obsp__near=numbers(6, 40, 40)), tmp_path / "b.h5ad"
    datacheck.rebuild(source, copy, drop_bad=True, workers=1)
    left = np.delete(np.arange(40), 9)
    with h5py.File(copy) as file, h5py.File(source) as was:
        assert np.array_equal(file["obsp/near"][:], was["obsp/near"][:][left][:, left])


def test_the_samples_that_went_are_named(tmp_path):
    receipt = datacheck.rebuild(write_demos(tmp_path / "a.h5", lacks_obs), tmp_path / "b.h5", drop_bad=True, workers=1)
    assert receipt.samples == ["/data/traj_4"]


def test_the_field_of_datasets_that_are_records_has_a_name(tmp_path):
    source = write_proteins(tmp_path / "a.h5", [(7, 4)] * 20, 5)
    (finding,) = datacheck.scan(source, workers=1).findings
    assert (finding.key, finding.field) == ("/P70366", "P")
    assert datacheck.scan(source, workers=1, allow_nan=["P"]).clean

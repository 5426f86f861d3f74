"""Test episodes that lost a part to damage: they are dropped as a whole, and the file's counts match the others."""

import h5py
import numpy as np
import pytest

import datacheck

DRAW = np.random.default_rng(8)


def write(path, spoiled, version="earliest", extra=()):
    """Write 25 demonstrations, and break the headers of the objects at the paths `spoiled`."""
    with h5py.File(path, "w", libver=version) as file:
        for number in range(25):
            demo = file.create_group(f"data/demo_{number}")
            demo["actions"], demo["obs/state"] = DRAW.random((20 + number, 7)), DRAW.random((20 + number, 3))
            demo.attrs["num_samples"] = 20 + number
            if number in extra:
                demo["notes"] = DRAW.random(4)
        file["data"].attrs["total"] = sum(range(20, 45))
        file["mask/train"] = np.array([b"demo_%d" % it for it in range(20)])
        places = [h5py.h5o.get_info(file[it].id).addr for it in spoiled]
    with path.open("r+b") as raw:
        for at in places:
            raw.seek(at)
            raw.write(b"\xee" * 8)
    return path


def rebuilt(source, copy):
    receipt = datacheck.rebuild(source, copy, drop_bad=True, workers=1)
    assert datacheck.scan(copy, workers=1).clean
    with h5py.File(copy) as file:
        demos = {name: len(it["actions"]) for name, it in file["data"].items()}
        assert all(len(it["obs/state"]) == demos[name] for name, it in file["data"].items())
        assert file["data"].attrs["total"] == sum(demos.values())
        assert {it.decode() for it in file["mask/train"][:]} <= set(demos)
    return receipt, set(demos)


@pytest.mark.parametrize(
    ("version", "part"),
    [
        ("earliest", "actions"),
        ("earliest", "obs/state"),
        ("latest", "actions"),
        ("latest", "obs/state"),
        ("latest", "obs"),
    ],
)
def test_an_episode_without_what_the_others_have_goes(tmp_path, version, part):
    source = write(tmp_path / "a.hdf5", [f"data/demo_7/{part}"], version)
    report = datacheck.scan(source, workers=1)
    assert report.status == 1
    receipt, left = rebuilt(source, tmp_path / "b.hdf5")
    assert left == {f"demo_{it}" for it in range(25)} - {"demo_7"}
    assert receipt.samples == ["/data/demo_7"]
    with h5py.File(tmp_path / "b.hdf5") as copy, h5py.File(source) as file:
        assert np.array_equal(copy["data/demo_8/actions"], file["data/demo_8/actions"])


def test_an_episode_that_has_lost_what_few_have_stays(tmp_path):
    source = write(tmp_path / "a.hdf5", ["data/demo_7/notes"], extra=(7, 9))
    receipt, left = rebuilt(source, tmp_path / "b.hdf5")
    assert len(left) == 25
    assert receipt.samples == []
    assert [it.code for it in receipt.lost] == ["damaged-store"]


def test_the_total_is_true_where_a_whole_episode_is_lost(tmp_path):
    source = write(tmp_path / "a.hdf5", ["data/demo_7", "data/demo_9/actions"], "latest")
    _, left = rebuilt(source, tmp_path / "b.hdf5")
    assert left == {f"demo_{it}" for it in range(25)} - {"demo_7", "demo_9"}


def test_a_group_that_is_known_from_its_link_stays_and_so_does_what_ends_the_file(tmp_path):
    source = write(tmp_path / "a.hdf5", ["data/demo_7"])
    _, left = rebuilt(source, tmp_path / "b.hdf5")
    assert len(left) == 25
    with h5py.File(tmp_path / "b.hdf5") as copy:
        assert len(copy["mask/train"]) == 20


def episodes(folder, spoiled, name="episode_{}.hdf5", extra=()):
    """Write nine files of an episode each, and break the header of one object in file 3."""
    folder.mkdir()
    for number in range(9):
        path = folder / name.format(number)
        with h5py.File(path, "w") as file:
            file["action"], file["observations/qpos"] = DRAW.random((20, 7)) + number, DRAW.random((20, 7))
            if number in extra:
                file["notes"] = DRAW.random(4)
            at = h5py.h5o.get_info(file[spoiled].id).addr if number == 3 else None
        if at is not None:
            with path.open("r+b") as raw:
                raw.seek(at)
                raw.write(b"\xee" * 8)
    return folder


def test_the_file_of_an_episode_goes_with_what_it_has_lost(tmp_path):
    source = episodes(tmp_path / "a", "observations/qpos")
    assert datacheck.scan(source, workers=1).status == 1
    receipt = datacheck.rebuild(source, tmp_path / "b", drop_bad=True, workers=1)
    assert receipt.samples == ["episode_3.hdf5"]
    assert sorted(it.name for it in (tmp_path / "b").iterdir()) == [f"episode_{it}.hdf5" for it in range(8)]
    with h5py.File(tmp_path / "b/episode_3.hdf5") as copy:
        assert copy["action"][0, 0] >= 4
    assert datacheck.scan(tmp_path / "b", workers=1).clean


@pytest.mark.parametrize(
    ("spoiled", "options"), [("notes", {"extra": (3, 5)}), ("observations/qpos", {"name": "part_{}.hdf5"})]
)
def test_other_files_stay_without_what_they_have_lost(tmp_path, spoiled, options):
    source = episodes(tmp_path / "a", spoiled, **options)
    receipt = datacheck.rebuild(source, tmp_path / "b", drop_bad=True, workers=1)
    assert receipt.samples == []
    assert len(list((tmp_path / "b").iterdir())) == 9

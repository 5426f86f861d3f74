"""Test episodes in a folder that a loader counts: the rest is renumbered without gaps; the receipt has both names."""

import h5py
import numpy as np
import pytest

import datacheck


def write(folder, count=7, bad=(2, 4), name="episode_{}.hdf5", start=0):
    folder.mkdir(parents=True)
    for number in range(start, start + count):
        with h5py.File(folder / name.format(number), "w") as file:
            draw = np.random.default_rng(number)
            file["action"], file["observations/qpos"] = draw.normal(size=(20 + number, 7)), np.full((20 + number, 7), 1)
            file["observations/qpos"][:] = draw.integers(0, 9, (20 + number, 7))
            if number in bad:
                file["action"][3, 1] = np.nan
    return folder


def load(folder):
    """Read as many episodes as there are files, like ACT's loader; return their lengths."""
    made = []
    for number in range(len(list(folder.glob("*.hdf5")))):
        with h5py.File(folder / f"episode_{number}.hdf5") as file:
            assert len(file["action"]) == len(file["observations/qpos"])
            made.append(len(file["action"]))
    return made


def test_the_loader_of_the_copy_finds_every_episode_that_is_left(tmp_path):
    source, copy = write(tmp_path / "a"), tmp_path / "b"
    receipt = datacheck.rebuild(source, copy, drop_bad=True, workers=1, quarantine=tmp_path / "q")
    assert load(copy) == [20, 21, 23, 25, 26]
    assert list(receipt.renamed()) == [
        ("episode_3.hdf5", "episode_2.hdf5"),
        ("episode_5.hdf5", "episode_3.hdf5"),
        ("episode_6.hdf5", "episode_4.hdf5"),
    ]
    assert receipt.samples == ["episode_2.hdf5", "episode_4.hdf5"]
    assert receipt.repairs.conventions == ("act",)
    assert sorted(it.name for it in (tmp_path / "q").rglob("*.hdf5")) == ["episode_2.hdf5", "episode_4.hdf5"]
    assert datacheck.scan(copy, workers=1).clean


def test_numbers_of_one_width_keep_it_and_folders_count_by_themselves(tmp_path):
    write(tmp_path / "a/left", 4, (1,), "episode_{:06}.hdf5")
    write(tmp_path / "a/right", 4, (), "episode_{:06}.hdf5")
    datacheck.rebuild(tmp_path / "a", tmp_path / "b", drop_bad=True, workers=1)
    assert sorted(it.name for it in (tmp_path / "b/left").iterdir()) == [f"episode_{it:06}.hdf5" for it in range(3)]
    assert len(list((tmp_path / "b/right").iterdir())) == 4


@pytest.mark.parametrize(
    ("options", "writing"),
    [
        ({"renumber": False}, {}),
        ({}, {"name": "demo_{}.hdf5"}),
        ({}, {"start": 1, "bad": (2, 4)}),
        ({}, {"name": "episode_{}0.hdf5"}),
    ],
    ids=["kept", "another-name", "from-one", "with-gaps"],
)
def test_other_files_keep_their_names(tmp_path, options, writing):
    source = write(tmp_path / "a", **writing)
    receipt = datacheck.rebuild(source, tmp_path / "b", drop_bad=True, workers=1, **options)
    assert list(receipt.renamed()) == []
    assert {it.name for it in (tmp_path / "b").iterdir()} < {it.name for it in source.iterdir()}


def test_files_of_another_name_are_renumbered_where_that_is_asked_for(tmp_path):
    source = write(tmp_path / "a", name="demo_{}.hdf5", bad=(0,))
    datacheck.rebuild(source, tmp_path / "b", drop_bad=True, workers=1, renumber=True)
    assert sorted(it.name for it in (tmp_path / "b").iterdir()) == [f"demo_{it}.hdf5" for it in range(6)]
    with h5py.File(tmp_path / "b/demo_0.hdf5") as file:
        assert len(file["action"]) == 21


def test_a_dry_run_names_them(tmp_path):
    receipt = datacheck.rebuild(write(tmp_path / "a"), tmp_path / "b", drop_bad=True, workers=1, dry_run=True)
    assert dict(receipt.renamed())["episode_6.hdf5"] == "episode_4.hdf5"
    assert not (tmp_path / "b").exists()

"""Recordings in the formats of neuroscience, event cameras and gravitational waves, and searches for neighbours."""

import h5py
import numpy as np
import pytest

import datacheck

RNG = np.random.default_rng(0)


def texts(*some):
    return np.array(some, h5py.string_dtype())


def nwb(file):
    file.attrs["nwb_version"] = "2.6.0"
    place = file.create_group("processing/behavior/Position/SpatialSeries")
    place.attrs["neurodata_type"] = "SpatialSeries"
    place["data"], place["timestamps"] = RNG.normal(size=(90, 2)), np.arange(90) / 30
    place["data"][5:9] = np.nan
    units = file.create_group("units")
    units.attrs["colnames"] = ["spike_times", "electrodes"]
    ends = np.cumsum(RNG.integers(5, 20, 9))
    units["spike_times"], units["spike_times_index"] = np.sort(RNG.random(ends[-1])), ends
    units["id"], units["electrodes"], units["electrodes_index"] = np.arange(9), RNG.integers(0, 6, 9), np.arange(1, 10)
    trials = file.create_group("intervals/trials")
    trials.attrs["colnames"] = ["start_time", "stop_time", "reaction"]
    trials["id"], trials["start_time"], trials["stop_time"] = (
        np.arange(30),
        np.arange(30) * 3.0,
        np.arange(30) * 3.0 + 2,
    )
    trials["reaction"] = np.where(np.arange(30) % 4, RNG.random(30), np.nan)
    electrodes = file.create_group("general/extracellular_ephys/electrodes")
    electrodes.attrs["colnames"] = ["imp"]
    electrodes["id"], electrodes["imp"] = np.arange(6), np.full(6, np.nan)


def snirf(file):
    data = file.create_group("nirs/data1")
    data["dataTimeSeries"], data["time"] = RNG.normal(size=(60, 4)) + 9, np.arange(60) / 10
    for at in range(4):
        for name, number in {"sourceIndex": 1 + at % 2, "detectorIndex": 1 + at // 2, "wavelengthIndex": 1}.items():
            data[f"measurementList{at + 1}/{name}"] = number
    probe = {"sourcePos3D": RNG.normal(size=(2, 3)), "detectorPos3D": RNG.normal(size=(2, 3)), "wavelengths": [760.0]}
    for name, values in probe.items():
        file[f"nirs/probe/{name}"] = values


def gwosc(file, off=(3, 5)):
    strain, quality = RNG.normal(size=640), np.full(10, 127)
    strain[64 * off[0] : 64 * off[1]], quality[off[0] : off[1]] = np.nan, 0
    file["strain/Strain"], file["quality/simple/DQmask"] = strain, quality


def mvsec(file):
    times = np.sort(RNG.random(3000))
    file["left/events"] = np.c_[RNG.integers(0, 99, (3000, 2)), times]
    file["left/image_raw"], file["left/image_raw_ts"] = RNG.integers(0, 255, (30, 6, 7)), np.linspace(0, 1, 30)
    file["left/imu"], file["left/imu_ts"] = RNG.normal(size=(200, 6)), np.linspace(0, 1, 200)
    file["left/image_raw_event_inds"] = np.searchsorted(times, np.linspace(0, 1, 30))


def ann(file):
    file["train"], file["test"] = RNG.normal(size=(200, 8)), RNG.normal(size=(40, 8))
    file["neighbors"], file["distances"] = RNG.integers(0, 200, (40, 10)), np.sort(RNG.random((40, 10)))
    file["neighbors"][3, 9] = -1


def ann_of_sets(file):
    """Sets of varying length have their sizes, and lie behind each other."""
    sizes = RNG.integers(3, 9, 200)
    file["train"], file["size_train"] = RNG.integers(0, 999, sizes.sum()), sizes
    file["neighbors"], file["distances"] = RNG.integers(0, 200, (40, 10)), np.sort(RNG.random((40, 10)))


def basset(file):
    for name, rows in {"train": 90, "test": 60}.items():
        file[f"{name}_in"], file[f"{name}_out"] = RNG.normal(size=(rows, 4, 9)), RNG.random((rows, 5))
    file["test_headers"], file["target_labels"] = texts(*map(str, range(60))), texts(*"abcde")


def two_sets(file):
    for name, rows in {"": 90, "_ts": 80}.items():
        file["x" + name], file["y" + name] = RNG.normal(size=(rows, 4)), RNG.random(rows)


def shorter(name, less=3):
    def change(file):
        values = file[name][:-less]
        del file[name]
        file[name] = values

    return change


def setting(name, at, value):
    return lambda file: file[name].__setitem__(at, value)


def told(path, write, change=None):
    with h5py.File(path, "w") as file:
        write(file)
        if change is not None:
            change(file)
    found = datacheck.scan(path, workers=1).findings
    return [(it.code, it.verdict) for it in found if it.code != "constant"]


@pytest.mark.parametrize("write", [nwb, snirf, gwosc, mvsec, ann, ann_of_sets, basset])
def test_sound_files_are_clean(tmp_path, write):
    assert told(tmp_path / "a.h5", write) == []


FAULTS = {
    "a column": (nwb, shorter("intervals/trials/stop_time", 1), "row-count", "bad"),
    "timestamps": (nwb, shorter("processing/behavior/Position/SpatialSeries/timestamps"), "row-count", "bad"),
    "a lost electrode": (nwb, setting("units/electrodes", 3, 6), "dangling", "bad"),
    "the time of a spike": (nwb, setting("units/spike_times", 3, np.nan), "nan", "bad"),
    "times": (snirf, shorter("nirs/data1/time"), "row-count", "bad"),
    "a channel": (snirf, lambda file: file.__delitem__("nirs/data1/measurementList3"), "count", "bad"),
    "a source": (snirf, setting("nirs/data1/measurementList3/sourceIndex", (), 3), "dangling", "bad"),
    "times of pictures": (mvsec, shorter("left/image_raw_ts"), "row-count", "bad"),
    "events of pictures": (mvsec, setting("left/image_raw_event_inds", 29, 3001), "dangling", "bad"),
    "a neighbor": (ann, setting("neighbors", (3, 7), 200), "dangling", "bad"),
    "a neighbor of sets": (ann_of_sets, setting("neighbors", (3, 7), 200), "dangling", "bad"),
    "fewer neighbors": (ann, shorter("neighbors"), "row-count", "suspicious"),
    "fewer distances": (ann, shorter("distances"), "row-count", "suspicious"),
    "headers of a set": (basset, shorter("test_headers", 2), "row-count", "suspicious"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_named_once(tmp_path, name):
    write, change, code, verdict = FAULTS[name]
    assert told(tmp_path / "a.h5", write, change) == [(code, verdict)]


def test_without_a_second_that_lacks_data_nan_is_bad(tmp_path):
    def change(file):
        file["strain/Strain"][9] = np.nan

    assert told(tmp_path / "a.h5", lambda file: gwosc(file, (3, 3)), change) == [("nan", "bad")]


def test_nan_in_a_table_of_any_other_file_is_bad(tmp_path):
    assert ("nan", "bad") in told(tmp_path / "a.h5", nwb, lambda file: file.attrs.__delitem__("nwb_version"))


LOOK_ALIKES = {
    "two times for the first and last": (snirf, lambda file: shorter("nirs/data1/time", 58)(file)),
    "an end of the events": (mvsec, setting("left/image_raw_event_inds", 29, 3000)),
    "fewer pictures than times by one": (mvsec, shorter("left/image_raw_ts", 1)),
    "labels of a test set": (two_sets, None),
    "names of the targets": (basset, shorter("target_labels", 2)),
}


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_what_looks_like_a_fault_is_sound(tmp_path, name):
    assert told(tmp_path / "a.h5", *LOOK_ALIKES[name]) == []


def test_a_copy_whose_neighbors_would_lead_elsewhere_is_not_written(tmp_path):
    assert told(tmp_path / "a.h5", ann, setting("train", (7, 3), np.nan)) == [("nan", "bad")]
    with pytest.raises(datacheck.DatacheckError, match="/neighbors has numbers of rows of /train"):
        datacheck.rebuild(tmp_path / "a.h5", tmp_path / "b.h5", drop_bad=True, workers=1)
    assert told(tmp_path / "a.h5", ann, setting("test", (7, 3), np.nan)) == [("nan", "bad")]
    datacheck.rebuild(tmp_path / "a.h5", tmp_path / "b.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "b.h5") as copy:
        assert [len(copy[it]) for it in ("train", "test", "neighbors", "distances")] == [200, 39, 39, 39]

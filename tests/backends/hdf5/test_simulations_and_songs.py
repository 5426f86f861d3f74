"""Simulations of PDEBench and meshes, plays of songs, and what is not known of songs and channels."""

import h5py
import numpy as np
import pytest

import datacheck

RNG = np.random.default_rng(0)


def pdebench(file):
    for name in ("Vx", "density", "pressure"):
        file[name] = RNG.normal(size=(30, 11, 16)).astype("f4")
    file["t-coordinate"], file["x-coordinate"] = np.linspace(0, 1, 12), np.linspace(0, 1, 16)


def meshes(file):
    for at in range(20):
        nodes = 50 + at
        cells = np.stack([np.arange(nodes - 2), np.arange(nodes - 2) + 1, np.arange(nodes - 2) + 2], axis=1)
        file[f"{at}/cells"], file[f"{at}/mesh_pos"] = cells.astype("i4"), RNG.normal(size=(nodes, 2))
        file[f"{at}/velocity"], file[f"{at}/pressure"] = RNG.normal(size=(6, nodes, 2)), RNG.normal(size=(6, nodes, 1))


def pictures(file):
    for at in range(20):
        height, width = 20 + at, 30 + 3 * at % 17
        file[f"case_{at}/image"] = RNG.integers(0, 255, (height, width, 3)).astype("u1")
        file[f"case_{at}/mask"] = RNG.integers(0, 2, (height, width)).astype("u1")


def plays(file):
    ends = np.cumsum(RNG.integers(1, 9, 40))
    group = file.create_group("artist_user_plays")
    group["data"], group["indptr"] = RNG.random(ends[-1]).astype("f4"), np.insert(ends, 0, 0).astype("i4")
    group["indices"] = RNG.integers(0, 30, ends[-1]).astype("i4")
    for name, count in {"artist": 40, "user": 30}.items():
        file[name] = np.array([f"{name} {at}" for at in range(count)], h5py.string_dtype())


def songs(file):
    song = [("artist_latitude", "f8"), ("song_hotttnesss", "f8"), ("title", "S9")]
    file["metadata/songs"] = np.array([(np.nan, np.nan, b"x")], song)
    file["analysis/segments_timbre"] = RNG.normal(size=(40, 12))


def channels(file):
    file["mnepython/key_data"] = RNG.normal(size=(30, 4, 50))
    for at in range(4):
        place = np.full(12, np.nan) if at == 2 else RNG.normal(size=12)
        file[f"mnepython/key_info/key_chs/idx_{at}/key_loc"] = place


def changed(name, change):
    def write(file):
        values = change(file[name][:])
        del file[name]
        file[name] = values

    return write


def setting(at, value):
    def change(values):
        values[at] = value
        return values

    return change


def told(path, write, change=None):
    with h5py.File(path, "w") as file:
        write(file)
        if change is not None:
            change(file)
    return [(it.code, it.verdict) for it in datacheck.scan(path, workers=1).findings]


@pytest.mark.parametrize("write", [pdebench, meshes, pictures, plays, songs, channels])
def test_sound_files_are_clean(tmp_path, write):
    assert told(tmp_path / "a.h5", write) == []


FAULTS = {
    "a shorter field": (pdebench, changed("density", lambda it: it[:-2]), "row-count", "bad"),
    "places": (pdebench, changed("x-coordinate", lambda it: it[:-2]), "row-count", "bad"),
    "times": (pdebench, changed("t-coordinate", lambda it: it[:-3]), "row-count", "bad"),
    "a corner": (meshes, changed("3/cells", setting((3, 1), 53)), "dangling", "bad"),
    "a node of the velocities": (meshes, changed("3/velocity", lambda it: it[:, :-1]), "row-count", "bad"),
    "a narrower mask": (pictures, changed("case_7/mask", lambda it: it[:, :-1]), "row-count", "bad"),
    "a user": (plays, changed("artist_user_plays/indices", setting(3, 30)), "dangling", "bad"),
    "an artist": (plays, changed("artist", lambda it: it[:-1]), "row-count", "bad"),
    "timbre": (songs, changed("analysis/segments_timbre", setting((3, 1), np.nan)), "nan", "bad"),
    "a signal": (channels, changed("mnepython/key_data", setting((3, 1, 1), np.nan)), "nan", "bad"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_named_once(tmp_path, name):
    write, change, code, verdict = FAULTS[name]
    assert told(tmp_path / "a.h5", write, change) == [(code, verdict)]


def without(name):
    return lambda file: file.__delitem__(name)


LOOK_ALIKES = {
    "as many times as edges between them": (pdebench, changed("t-coordinate", lambda it: it[:-1])),
    "edges of places": (pdebench, changed("x-coordinate", lambda it: np.append(it, 2))),
    "fields of their own": (pdebench, without("t-coordinate")),
    "masks of any width": (
        pictures,
        lambda file: [changed(f"case_{it}/mask", lambda a: a[:, :-1])(file) for it in range(9)],
    ),
    "names of something else": (plays, changed("user", lambda _: np.arange(25))),
}


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_what_looks_like_a_fault_is_sound(tmp_path, name):
    assert told(tmp_path / "a.h5", *LOOK_ALIKES[name]) == []


@pytest.mark.parametrize("name", ["key_chs/idx_2/key_positions", "key_loc"])
def test_nan_elsewhere_is_bad(tmp_path, name):
    def change(file):
        file[f"mnepython/other/{name}"] = np.array([0.5, np.nan, 1])

    assert ("nan", "bad") in told(tmp_path / "a.h5", channels, change)

"""Sound files in which names of formats and of meshes, episodes and neighbors mean something else."""

import h5py
import numpy as np
import pytest

import datacheck

RNG = np.random.default_rng(0)
LENGTHS = np.array([20, 25, 30, 20])


def told(path, write):
    with h5py.File(path, "w") as file:
        write(file)
    return [(it.code, it.verdict) for it in datacheck.scan(path, workers=1).findings if it.code != "constant"]


def put(file, **values):
    for name, value in values.items():
        file[name.replace("__", "/")] = value


def boxes_of_cells(file):
    corners = RNG.integers(0, 230, (200, 2))
    put(file, cells=np.hstack([corners, corners + 10]), points=RNG.normal(size=(200, 2)))


def cells_of_a_grid(file):
    put(file, cells=RNG.integers(0, 64, (200, 3)), points=RNG.normal(size=(60, 3)))


def elements_of_molecules(file):
    put(file, elements=RNG.choice([1, 6, 7, 8], (7, 3)), positions=RNG.normal(size=(7, 3, 3)))


def elements_of_numbered_nodes(file):
    numbers = np.sort(RNG.choice(np.arange(120), 100, replace=False))
    put(file, nodes=RNG.normal(size=(100, 3)), node_ids=numbers, elements=RNG.choice(numbers, (80, 4)))


def elements_of_all_nodes(file):
    put(file, vertices=RNG.normal(size=(60, 3)), nodes=RNG.normal(size=(100, 3)))
    file["elements"] = np.tile(np.arange(100).reshape(25, 4), (3, 1))


def pictures_not_square(file, masked=(30, 21)):
    for at in range(20):
        shape = (30 + at, 30 + at) if at else (30, 21)
        file[f"{at}/image"] = RNG.integers(0, 255, (*shape, 3)).astype("u1")
        file[f"{at}/mask"] = RNG.integers(0, 2, shape if at else masked).astype("u1")


def volumes_not_cubes(file):
    for at in range(20):
        shape = (9 + at, 9 + at, 9 + at) if at else (9, 8, 6)
        put(file, **{f"{at}__raw": RNG.normal(size=shape), f"{at}__labels": RNG.integers(0, 5, shape)})


def neighbors_in(train, numbers, **others):
    def write(file):
        distances = np.sort(RNG.random(numbers.shape))
        put(file, train=RNG.normal(size=(train, 4)), test=RNG.normal(size=(len(numbers), 4)), neighbors=numbers,
            distances=distances, **others)  # fmt: skip

    return write


def with_none(dtype, number):
    numbers = np.arange(400).reshape(40, 10).astype(dtype)
    numbers[3, 8:] = number
    return numbers


def flagged(last):
    def write(file):
        ends = np.zeros(100, bool)
        ends[np.cumsum(LENGTHS) - 1] = True
        ends[-1] = last
        put(file, obs=RNG.normal(size=(100, 7)), done=ends, meta__episode_lengths=LENGTHS)

    return write


def lengths(name, values, rows=100):
    return lambda file: put(file, obs=RNG.normal(size=(rows, 7)), **{name: values})


def lengths_of_two_sets(file):
    put(file, train__obs=RNG.normal(size=(97, 7)), val__obs=RNG.normal(size=(8, 7)))
    file["meta/episode_lengths"] = [30, 30, 37, 8]


def nwb(file):
    file.attrs["nwb_version"] = "2.6.0"
    for name, data in (("video", np.zeros((0, 0, 0), "u1")), ("place", RNG.normal(size=(50, 2)))):
        group = file.create_group(f"acquisition/{name}")
        group.attrs["neurodata_type"] = "TimeSeries"
        put(group, data=data, timestamps=np.arange(50) / 30)
    put(file, scratch__fit__data=RNG.normal(size=(40, 3)), scratch__fit__timestamps=np.arange(7))
    file["general/extracellular_ephys/electrodes/id"] = np.arange(4)
    file["stimulus/electrodes"] = RNG.integers(0, 64, 30)
    file["stimulus/electrodes"].attrs["neurodata_type"] = "VectorData"


def snirf(file):
    put(file, nirs__data1__dataTimeSeries=RNG.normal(size=(60, 2)), nirs__data1__time=np.arange(60)[None] / 10)
    put(file, nirs__probe__wavelengths=np.array([760.0, 850.0]))
    for at in (1, 2):
        file[f"nirs/data1/measurementList{at}/wavelengthIndex"] = 0
        file[f"nirs/data1/measurementList{at}/dataTypeLabel"] = "HbO"


def simulations(**shapes):
    def write(file):
        put(file, **{name: RNG.normal(size=shape).astype("f4") for name, shape in shapes.items()})
        file["t-coordinate"], file["x-coordinate"] = np.linspace(0, 1, 12), np.linspace(0, 1, 16)

    return write


def plays_turned_round(file, artists=40):
    group = file.create_group("artist_user_plays")
    put(group, data=RNG.random(60), indptr=np.arange(0, 62, 2), indices=RNG.integers(0, 30, 60))
    for name, count in {"artist": artists, "user": 30}.items():
        file[name] = np.array([f"{name} {at}" for at in range(count)], h5py.string_dtype())


SOUND = {
    "boxes of cells": boxes_of_cells,
    "cells of a grid": cells_of_a_grid,
    "elements of molecules": elements_of_molecules,
    "elements of numbered nodes": elements_of_numbered_nodes,
    "elements of all nodes": elements_of_all_nodes,
    "pictures that are not square": pictures_not_square,
    "volumes that are no cubes": volumes_not_cubes,
    "neighbors in other data": neighbors_in(90, RNG.integers(0, 900, (40, 10))),
    "no neighbors": neighbors_in(400, with_none("u4", 2**32 - 1)),
    "an episode that goes on": flagged(last=False),
    "lengths of trials": lengths("eval__episode_lengths", LENGTHS),
    "lengths of texts": lengths("meta__seq_lengths", LENGTHS),
    "lengths of windows": lengths("meta__episode_lengths", LENGTHS + 5, rows=103),
    "lengths of two sets": lengths_of_two_sets,
    "nwb": nwb,
    "snirf": snirf,
    "a field at the first time": simulations(u=(30, 11, 16), first=(30, 1, 16)),
    "other fields": simulations(u=(30, 11, 16), force=(30, 16, 2)),
    "times last": simulations(u=(30, 16, 12)),
    "plays turned round": plays_turned_round,
}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_file_is_clean(tmp_path, name):
    assert told(tmp_path / "a.h5", SOUND[name]) == []


def elements_beyond(file):
    elements = np.tile(np.arange(100).reshape(25, 4), (3, 1))
    elements[7, 2] = 103
    put(file, nodes=RNG.normal(size=(100, 3)), elements=elements)


def contacts_of_fewer(file):
    for at in range(20):
        put(file, **{f"{at}__sequence": RNG.integers(0, 20, 40 + at)})
        file[f"{at}/contacts"] = RNG.integers(0, 2, (40 + at, 40 + at - (at == 8)))


FAULTS = {
    "contacts": (contacts_of_fewer, [("row-count", "bad")]),
    "an element": (elements_beyond, [("dangling", "bad")]),
    "a narrower mask": (lambda file: pictures_not_square(file, (30, 20)), [("row-count", "bad")]),
    "an episode that has ended": (flagged(last=True), [("count", "bad")]),
    "neighbors from one": (neighbors_in(400, with_none("i4", 400)), [("dangling", "bad")]),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_looks_like_it_is_bad(tmp_path, name):
    write, expected = FAULTS[name]
    assert told(tmp_path / "a.h5", write) == expected


def test_neighbors_that_may_be_counted_from_one_are_suspicious(tmp_path):
    write = neighbors_in(400, 1 + np.arange(400).reshape(40, 10))
    assert told(tmp_path / "a.h5", write) == [("dangling", "suspicious")]


def test_artists_without_plays_at_the_end_are_suspicious(tmp_path):
    def write(file):
        plays_turned_round(file, artists=33)
        del file["user"]
        file["user"] = np.array([f"user {at}" for at in range(35)], h5py.string_dtype())

    assert told(tmp_path / "a.h5", write) == [("row-count", "suspicious")]

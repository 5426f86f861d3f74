"""A record of metadata has the number of records and arrays with a number for each, in a pickle, an .npz or JSON."""

import io
import json
import pickle

import numpy as np
import pytest
from convention_stores import read, write

import datacheck

COUNT = 40
ATOMS = np.array([3 + it % 5 for it in range(COUNT)])


def structures(cut=(), gone=()):
    """Return records as nequip writes them: pickled arrays under plain numbers, each with its own number of atoms."""
    made = {}
    for at, number in enumerate(ATOMS):
        positions = np.random.default_rng(at).random((number, 3), np.float32)
        made[b"%d" % at] = pickle.dumps({"pos": positions, "energy": -float(at)})[: 60 if at in cut else None]
    return {key: it for key, it in made.items() if int(key) not in gone}


def npz(**arrays):
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


WRITERS = {
    "pickle": lambda: pickle.dumps({"num_samples": COUNT, "natoms": ATOMS, "weights": ATOMS * 0.5}),
    "pickle 5": lambda: pickle.dumps({"natoms": ATOMS, "weights": ATOMS * 0.5, "num_samples": COUNT}, 5),
    "npz": lambda: npz(natoms=ATOMS, num_samples=COUNT),
    "json": lambda: json.dumps({"num_samples": COUNT, "natoms": ATOMS.tolist(), "name": "md17"}).encode(),
}
READERS = {
    "npz": lambda raw: dict(np.load(io.BytesIO(raw)).items()),
    "json": json.loads,
}


def load(path, reader):
    """Read as such a loader does: the number of atoms is asked before the record, which is then batched by it."""
    store = read(path)
    said = reader(store.pop(b"__metadata__"))
    assert len(said["natoms"]) == said["num_samples"] == len(store)
    assert len(said.get("weights", said["natoms"])) == len(store)
    for at, number in enumerate(said["natoms"]):
        assert len(pickle.loads(store[b"%d" % at])["pos"]) == number
    return said


@pytest.mark.parametrize("how", WRITERS)
def test_a_number_beside_arrays_is_compared_and_the_copy_has_an_item_for_each_record(tmp_path, how):
    said = {b"__metadata__": WRITERS[how]()}
    assert not datacheck.scan(write(tmp_path / "sound", structures() | said)).findings
    lost = datacheck.scan(write(tmp_path / "gone", structures(gone=[COUNT - 1]) | said))
    assert [(it.code, it.verdict) for it in lost.findings] == [("count", "bad")]
    for cut in ([7, 12], [COUNT - 1]):
        path = write(tmp_path / f"cut {cut}", structures(cut=cut) | said)
        copy = path.with_name(f"copy {cut}")
        assert not datacheck.rebuild(path, copy, drop_bad=True).unkept
        loaded = load(copy, READERS.get(how, pickle.loads))
        assert list(loaded["natoms"]) == [it for at, it in enumerate(ATOMS) if at not in cut]


def test_arrays_apart_from_the_number_are_in_step_too(tmp_path):
    beside = {b"length": b"%d" % COUNT, b"natoms": pickle.dumps(ATOMS)}
    receipt = datacheck.rebuild(write(tmp_path / "cut", structures(cut=[7]) | beside), tmp_path / "copy", drop_bad=True)
    assert pickle.loads(read(tmp_path / "copy")[b"natoms"]).tolist() == np.delete(ATOMS, 7).tolist()
    assert receipt.repairs.items == ("natoms",)


def test_arrays_alone_are_compared_and_what_no_copy_can_tell_is_named(tmp_path):
    said = {b"__metadata__": npz(natoms=ATOMS)}
    assert not datacheck.scan(write(tmp_path / "sound", structures() | said)).findings
    lost = datacheck.scan(write(tmp_path / "gone", structures(gone=[COUNT - 1]) | said))
    assert [(it.code, it.verdict) for it in lost.findings] == [("count", "suspicious")]
    receipt = datacheck.rebuild(write(tmp_path / "cut", structures(cut=[7]) | said), tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy")[b"__metadata__"] == said[b"__metadata__"]
    assert any(it.startswith("__metadata__: natoms has 40 items as before") for it in receipt.unkept)


def test_an_array_in_an_old_pickle_is_not_written_and_named(tmp_path):
    raw = pickle.dumps({"num_samples": COUNT, "natoms": ATOMS}, 2)
    path = write(tmp_path / "cut", structures(cut=[7]) | {b"__metadata__": raw})
    receipt = datacheck.rebuild(path, tmp_path / "copy", drop_bad=True)
    copied = pickle.loads(read(tmp_path / "copy")[b"__metadata__"])
    assert (copied["num_samples"], len(copied["natoms"])) == (COUNT - 1, COUNT)
    assert any(it.startswith("__metadata__: natoms has 40 items as before") for it in receipt.unkept)


@pytest.mark.parametrize(
    "said",
    [
        {"num_samples": COUNT, "bin_edges": np.linspace(0, 1, COUNT + 1)},
        {"num_samples": COUNT, "atomic_energies": np.arange(COUNT + 2) * 0.5, "natoms": 3},
        {"num_samples": COUNT, "natoms": np.arange(118)},
    ],
    ids=["edges", "energies", "other length"],
)
def test_arrays_of_something_else_stay(tmp_path, said):
    raw = pickle.dumps(said)
    assert not datacheck.scan(write(tmp_path / "sound", structures() | {b"__metadata__": raw})).findings
    datacheck.rebuild(
        write(tmp_path / "cut", structures(cut=[7]) | {b"__metadata__": raw}), tmp_path / "copy", drop_bad=True
    )
    copied = pickle.loads(read(tmp_path / "copy")[b"__metadata__"])
    assert {key: np.size(it) for key, it in copied.items()} == {key: np.size(it) for key, it in said.items()}
    assert copied["num_samples"] == COUNT - 1


def test_records_without_numbers_may_be_more_than_the_items(tmp_path):
    store = {b"mol-%s" % bytes([97 + at % 26, 97 + at // 26]): it for at, it in enumerate(structures().values())}
    beside = {b"natoms": npz(natoms=ATOMS), b"readme": pickle.dumps({"license": "CC0"}), b"mean": pickle.dumps(0.5)}
    found = datacheck.scan(write(tmp_path / "names", store | beside)).findings
    assert not [it for it in found if it.code == "count"]
    found = datacheck.scan(write(tmp_path / "numbers", structures() | beside)).findings
    assert not [it for it in found if it.code == "count"]

"""Test `datacheck.torch.skip_bad`: it leaves out the bad samples, in whatever way a dataset counts.

A stand-in is used for PyTorch if that is not installed; the tests at the end need it (`pip install --group loaders`),
with workers that read LMDB and HDF5.
"""

import importlib.util
import pickle
import sys
from types import ModuleType

import h5py
import lmdb
import numpy as np
import pytest
from building import datum, key, pictures, pixels, raw_records, write_lmdb
from commanding import datacheck as run

import datacheck
from datacheck.torch import skip_bad

real = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed here")


@pytest.fixture
def torch(monkeypatch):
    """PyTorch, or a stand-in with what `skip_bad` uses of it."""
    if importlib.util.find_spec("torch") is not None:
        import torch

        return torch

    class IterableDataset:
        pass

    class Subset:
        def __init__(self, dataset, indices):
            self.dataset, self.indices = dataset, indices

        def __len__(self):
            return len(self.indices)

        def __getitem__(self, at):
            return self.dataset[self.indices[at]]

    modules = {name: ModuleType(name) for name in ("torch", "torch.utils", "torch.utils.data")}
    modules["torch"].utils = modules["torch.utils"]
    modules["torch.utils"].data = modules["torch.utils.data"]
    modules["torch.utils.data"].IterableDataset = IterableDataset
    modules["torch.utils.data"].Subset = Subset
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return modules["torch"]


class Counted:
    """A dataset whose samples are their indices."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, at):
        return at


def key_of(index):
    return f"{index:08d}"


@pytest.fixture
def store(tmp_path):
    """A store of 60 records, two of them bad, after a stray one that comes first in the store."""
    bad = {key(7): b"", key(31): datum(pixels(31), 1)[:-9]}
    return write_lmdb(tmp_path / "env", raw_records(60) | bad | {b"!first": datum(pixels(1), 1)})


@pytest.fixture
def report(store):
    return datacheck.scan(store, workers=1)


def left(dataset):
    return [dataset[at] for at in range(len(dataset))]


@pytest.mark.parametrize("of", [key_of, lambda at: key(at), lambda at: [f"{at:08d}"], lambda at: ("other", key(at))])
def test_the_bad_samples_are_left_out_by_their_keys(torch, report, of):
    made = skip_bad(Counted(60), report, key=of)
    assert isinstance(made, torch.utils.data.Subset)
    assert left(made) == [at for at in range(60) if at not in (7, 31)]


def test_positions_in_the_store_are_no_indices(torch, report):
    assert list(report.bad_indices()) == [8, 32]
    with pytest.raises(datacheck.UsageError, match=r"are not indices. Say the key of each sample, as in key=lambda"):
        skip_bad(Counted(60), report)


def test_a_report_that_was_saved_will_do(torch, report, tmp_path):
    report.save(tmp_path / "r.json")
    assert len(skip_bad(Counted(60), datacheck.load_report(tmp_path / "r.json"), key=key_of)) == 58


def test_keys_that_are_none_of_the_store_are_refused(torch, report):
    with pytest.raises(datacheck.UsageError, match=r"the key '0\.jpg' of the first sample is like none of the store's"):
        skip_bad(Counted(60), report, key=lambda at: f"{at}.jpg")
    part = skip_bad(Counted(5), report, key=key_of)  # a part of the store that has no bad record
    assert left(part) == [0, 1, 2, 3, 4]


def test_a_report_that_is_not_of_every_record_is_refused(torch, store):
    sampled = datacheck.scan(store, sample=10, workers=1)
    with pytest.raises(datacheck.UsageError, match="is not of every record"):
        skip_bad(Counted(60), sampled, key=key_of)


def test_a_report_that_lacks_a_source_is_refused(torch, store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("scan", store, "gone", "--report", "r.json").returncode == 2
    reports = datacheck.load_report("r.json")
    with pytest.raises(datacheck.UsageError, match="says that gone was not scanned; scan all of the sources"):
        skip_bad(Counted(60), reports, key=key_of)
    assert len(skip_bad(Counted(60), reports[0], key=key_of)) == 58


def test_what_is_no_dataset_is_refused(torch, report):
    with pytest.raises(datacheck.UsageError, match="list_iterator is not a dataset"):
        skip_bad(iter([1]), report, key=key_of)


def test_without_pytorch_it_says_what_to_install(monkeypatch, report):
    for name in [it for it in sys.modules if it == "torch" or it.startswith("torch.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(datacheck.UsageError, match="pip install torch"):
        skip_bad(Counted(60), report, key=key_of)


# conventions that count


@pytest.fixture
def words(tmp_path):
    """Thirty pictures of words with their texts, counted from 1; samples 4 and 9 are bad, one of them by its text."""
    records = {b"num-samples": b"30"}
    for number in range(1, 31):
        records[b"image-%09d" % number] = pictures()[number % 2]
        records[b"label-%09d" % number] = b"word %d" % number
    records[b"image-%09d" % 4] = pictures()[0][:-40]
    del records[b"label-%09d" % 9]
    return write_lmdb(tmp_path / "words", records)


def test_a_convention_that_counts_from_1_needs_no_key(torch, words):
    report = datacheck.scan(words, workers=1)
    assert [it.name for it in report.conventions] == ["ocr"]
    made = skip_bad(Counted(30), report)
    assert left(made) == [at for at in range(30) if at not in (3, 8)]
    both = skip_bad(Counted(30), report, key=lambda at: (f"image-{at + 1:09d}", f"label-{at + 1:09d}"))
    assert left(both) == left(made)


def test_a_dataset_that_counts_otherwise_is_not_guessed_at(torch, words, tmp_path):
    report = datacheck.scan(words, workers=1)
    with pytest.raises(
        datacheck.UsageError, match="the dataset has 29 samples, and the convention ocr counts 30 from 1"
    ):
        skip_bad(Counted(29), report)
    report.save(tmp_path / "r.json")
    with pytest.raises(datacheck.UsageError, match="Say the key of each sample"):
        skip_bad(Counted(30), datacheck.load_report(tmp_path / "r.json"))


# iterable datasets


def stream(torch, samples):
    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter(samples)

    return Stream()


def test_an_iterable_dataset_passes_over_bad_samples(torch, report):
    made = skip_bad(stream(torch, range(60)), report, key=key_of)
    assert isinstance(made, torch.utils.data.IterableDataset)
    for _ in range(2):
        assert list(made) == [at for at in range(60) if at not in (7, 31)]
    with pytest.raises(datacheck.UsageError, match="has no indices"):
        skip_bad(stream(torch, range(60)), report)
    with pytest.raises(datacheck.UsageError, match="is like none of the store's"):
        list(skip_bad(stream(torch, range(60)), report, key=lambda at: f"{at}.jpg"))


# with PyTorch itself


class Lmdb:
    """Records of an LMDB by index, opened by each worker."""

    def __init__(self, path, count):
        self.path, self.count, self.env = str(path), count, None

    def __len__(self):
        return self.count

    def __getitem__(self, at):
        if self.env is None:
            self.env = lmdb.open(self.path, readonly=True, lock=False)
        with self.env.begin() as transaction:
            raw = transaction.get(key(at))
        return at, len(raw)


class Rows:
    """Rows of an HDF5 file, opened by each worker."""

    def __init__(self, path):
        self.path, self.file = path, None
        with h5py.File(path) as file:
            self.count = len(file["data"])

    def __len__(self):
        return self.count

    def __getitem__(self, at):
        if self.file is None:
            self.file = h5py.File(self.path)
        return at, self.file["data"][at]


@real
@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_of_several_workers_over_lmdb(store, report, workers):
    from torch.utils.data import DataLoader

    context = "fork" if workers else None
    sound = skip_bad(Lmdb(store, 60), report, key=key_of)
    loader = DataLoader(sound, batch_size=8, num_workers=workers, shuffle=True, multiprocessing_context=context)
    seen = [int(at) for indices, sizes in loader for at in indices if all(sizes)]
    assert sorted(seen) == [at for at in range(60) if at not in (7, 31)]


@real
@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_of_several_workers_over_hdf5(tmp_path, workers):
    import torch
    from torch.utils.data import DataLoader

    context = "fork" if workers else None
    values = np.random.default_rng(1).random((50, 3, 4)).astype("f4")
    values[[5, 17]] = np.nan
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["data"], file["label"] = values, np.arange(50)
    report = datacheck.scan(path, workers=1)
    sound = skip_bad(Rows(path), report, key=lambda at: f"/[{at}]")
    loader = DataLoader(sound, batch_size=7, num_workers=workers, multiprocessing_context=context)
    seen = [(int(at), row) for indices, rows in loader for at, row in zip(indices, rows, strict=True)]
    assert [at for at, _ in seen] == [at for at in range(50) if at not in (5, 17)]
    assert all(torch.isfinite(row).all() for _, row in seen)


@real
def test_an_iterable_dataset_goes_to_workers(store, report):
    from torch.utils.data import DataLoader, IterableDataset

    class Stream(IterableDataset):
        def __iter__(self):
            return iter(range(60))

    sound = skip_bad(Stream(), report, key=key_of)
    loader = DataLoader(sound, batch_size=8, num_workers=1, multiprocessing_context="fork")
    assert [int(at) for batch in loader for at in batch] == [at for at in range(60) if at not in (7, 31)]


def test_what_goes_to_workers_can_be_sent_there(torch, report):
    made = skip_bad(Counted(60), report, key=key_of)
    assert list(pickle.loads(pickle.dumps(made.indices))) == list(made.indices)

"""What a copy of an HDF5 file would lead elsewhere is named before it is written; what only looks so is not."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck
from datacheck.backends.hdf5.copying.pointing import leads_into
from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.library.fork_guard import StepCounter
from datacheck.backends.hdf5.library.looking import Looking
from datacheck.errors import DatacheckError
from datacheck.model.replacing import replace

ROWS = 40


def full(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype("f4")


def with_nan(*shape, at=5, seed=1):
    made = full(*shape, seed=seed)
    made.reshape(len(made), -1)[at, 0] = np.nan
    return made


def write(path, **datasets):
    path.parent.mkdir(exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name.replace("__", "/")] = values
    return path


def rebuilt(source):
    datacheck.rebuild(source, source.with_name("copy"), drop_bad=True, workers=1)
    return source.with_name("copy")


def test_an_index_above_the_group_of_its_rows_is_named(tmp_path):
    first = np.minimum(np.arange(30) * 2, ROWS)
    source = write(tmp_path / "a.h5", events__x=with_nan(ROWS), events__t=np.arange(ROWS), ms_to_idx=first)
    with pytest.raises(DatacheckError, match="/ms_to_idx may hold numbers of rows of /events"):
        rebuilt(source)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("cap_length_val", np.full(15, 9)),
        ("first_ix_val", np.arange(15)),
        ("word_length", np.arange(70) % 9 + 1),
        ("code_idx", np.arange(70) * 1000),
    ],
    ids=["another set", "numbers of another set", "lengths of something else", "beyond the rows"],
)
def test_what_leads_to_none_of_the_rows_is_copied(tmp_path, name, values):
    source = write(tmp_path / "a.h5", feats_train=with_nan(ROWS, 3), tags_train=full(ROWS, seed=2), **{name: values})
    with h5py.File(rebuilt(source)) as file:
        assert len(file["feats_train"]) == len(file["tags_train"]) == ROWS - 1
        assert np.array_equal(file[name], values)


def test_lengths_that_the_rows_are_made_of_are_named(tmp_path):
    source = write(tmp_path / "a.h5", feats=with_nan(ROWS, 3), word_length=np.full(10, 4))
    with pytest.raises(DatacheckError, match="/word_length may hold numbers of rows"):
        rebuilt(source)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("year_last", np.arange(30) * 7 % ROWS),
        ("last_year", np.sort(np.arange(30) * 7 % ROWS)),
        ("first_rank", np.arange(30)[::-1] + 1),
        ("first_choice", np.arange(30) * 7 % (ROWS // 2)),
        ("end_token", np.arange(30) * 5 % 17),
    ],
)
def test_words_for_first_and_last_alone_make_no_numbers_of_rows(tmp_path, name, values):
    with h5py.File(rebuilt(write(tmp_path / "a.h5", feats=with_nan(ROWS, 3), **{name: values}))) as file:
        assert len(file["feats"]) == ROWS - 1
        assert np.array_equal(file[name], values)


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1), np.arange(10) * 3 % 10], ids=str)
def test_the_first_and_the_last_row_of_each_document_are_named_in_any_order(tmp_path, order):
    last = (np.arange(10) * 4 + 3)[order]
    source = write(tmp_path / "a.h5", feats=with_nan(ROWS, 3), doc_first=last - 3, doc_last=last)
    with pytest.raises(DatacheckError, match="/doc_last may hold numbers of rows of /feats"):
        rebuilt(source)


def spectra(path, offsets="offset"):
    """Write peaks one after the other, and where those of each spectrum begin, as depthcharge has them."""
    counts = np.random.default_rng(2).integers(4, 9, 12)
    about = np.zeros(12, [("precursor_mz", "f4"), (offsets, "u8"), ("ms_level", "u1")])
    about[offsets], about["precursor_mz"] = np.r_[0, np.cumsum(counts)[:-1]], np.linspace(300, 900, 12)
    peaks = np.zeros(counts.sum(), [("mz", "f8"), ("intensity", "f4")])
    peaks["mz"], peaks["intensity"] = np.linspace(100, 900, len(peaks)), full(len(peaks))
    peaks["intensity"][30] = np.nan
    return write(path, **{"0__metadata": about, "0__spectra": peaks})


def test_members_of_tables_that_hold_numbers_of_rows_are_named(tmp_path):
    with pytest.raises(DatacheckError, match=r"/0/metadata\.offset may hold numbers of rows of /0/spectra"):
        rebuilt(spectra(tmp_path / "a.h5"))
    with h5py.File(rebuilt(spectra(tmp_path / "b" / "b.h5", offsets="retention"))) as file:
        assert (len(file["0/metadata"]), int(file["0/metadata"]["retention"][0])) == (12, 0)


def test_a_row_that_has_nothing_but_zeros_leads_nowhere_else(tmp_path):
    """The Million Song Dataset has one row of these for each file, of which most are 0."""
    song = np.zeros(1, [("tempo", "f8"), ("idx_bars_start", "i4")])
    source = write(tmp_path / "a.h5", analysis__songs=song, analysis__segments=with_nan(ROWS, 3))
    with h5py.File(rebuilt(source)) as file:
        assert (len(file["analysis/segments"]), len(file["analysis/songs"])) == (ROWS - 1, 1)


def test_numbers_of_rows_in_another_file_are_named(tmp_path):
    asked = np.repeat(np.arange(ROWS), 3)
    folder = tmp_path / "s"
    write(folder / "train_questions.h5", questions=np.ones((3 * ROWS, 5), "i4") * asked[:, None], image_idxs=asked)
    write(folder / "train_features.h5", features=with_nan(ROWS, 8))
    with pytest.raises(DatacheckError, match=r"train_questions\.h5: /image_idxs may hold numbers of rows of train_"):
        rebuilt(folder)


def test_numbers_of_rows_in_another_file_are_looked_at_however_many(tmp_path):
    folder = tmp_path / "s"
    write(folder / "train_features.h5", features=with_nan(ROWS, 8))
    write(folder / "train_questions.h5", image_idxs=np.resize(np.arange(ROWS), 2_200_000))
    with pytest.raises(DatacheckError, match=r"train_questions\.h5: /image_idxs may hold numbers of rows of train_"):
        rebuilt(folder)


def test_numbers_of_chunks_that_are_too_large_to_look_at_may_lead_into_another_file():
    look = Looking(None, None, StepCounter({}))
    whole = Dataset(b"/image_idxs", (9_000_000,), np.dtype("i8"), (9_000_000,))
    assert [look.fits(it) for it in (whole, replace(whole, chunks=None))] == [False, True]
    names = ("train_questions.h5 image_idxs", "train_features.h5")
    assert leads_into(None, ROWS, names)
    assert not leads_into(None, ROWS, ("val_questions.h5 image_idxs", names[1]))


def test_many_numbers_that_lead_to_none_of_the_rows_of_another_file_are_copied(tmp_path):
    folder = tmp_path / "s"
    write(folder / "train_questions.h5", image_idxs=np.full(2_200_000, 3 * ROWS))
    write(folder / "train_features.h5", features=with_nan(ROWS, 8))
    with h5py.File(rebuilt(folder) / "train_features.h5") as file:
        assert len(file["features"]) == ROWS - 1


def test_numbers_of_the_rows_of_another_set_are_not(tmp_path):
    asked = np.repeat(np.arange(ROWS), 3)
    folder = tmp_path / "s"
    write(folder / "val_questions.h5", questions=np.ones((3 * ROWS, 5), "i4") * asked[:, None], image_idxs=asked)
    write(folder / "train_features.h5", features=with_nan(ROWS, 8))
    with h5py.File(rebuilt(folder) / "train_features.h5") as file:
        assert len(file["features"]) == ROWS - 1


def molecules(path, nan):
    r = np.random.default_rng(3)
    with h5py.File(path, "w") as file:
        for atoms, poses, name in ((5, 30, "A"), (4, 4, "B"), (8, 12, "C"), (3, 40, "D"), (9, 20, "E")):
            energy = r.normal(size=poses)
            if name == nan:
                energy[1] = np.nan
            group = file.create_group(name)
            group["numbers"], group["energy"] = r.integers(1, 9, atoms), energy
            group["places"] = r.normal(size=(poses, atoms, 3))
    return path


@pytest.mark.parametrize("name", ["A", "B"])
def test_atoms_stay_whole_where_there_are_as_many_conformations(tmp_path, name):
    source = molecules(tmp_path / "a.h5", name)
    assert [it.code for it in datacheck.scan(source, workers=1).findings] == ["nan"]
    with h5py.File(source) as before, h5py.File(rebuilt(source)) as after:
        for group in before:
            lost = group == name
            assert len(after[group]["numbers"]) == len(before[group]["numbers"])
            assert after[group]["places"].shape[1] == len(after[group]["numbers"])
            assert len(after[group]["energy"]) == len(after[group]["places"]) == len(before[group]["energy"]) - lost


def test_views_of_the_same_samples_do_not_lose_rows_alone(tmp_path):
    both = {f"{it}__{what}": full(ROWS, 3) for it in ("flow", "depth") for what in ("first", "second")}
    source = write(tmp_path / "a.h5", rgb__first=with_nan(ROWS, 3), rgb__second=full(ROWS, 3), **both)
    with pytest.raises(DatacheckError, match="/flow/first has as many rows as /rgb"):
        rebuilt(source)


def test_sets_of_one_size_are_none(tmp_path):
    sets = {f"valid__{it}": full(ROWS, 3) for it in ("pages", "inks")}
    source = write(tmp_path / "a.h5", train__pages=with_nan(ROWS, 3), train__inks=full(ROWS, 3), **sets)
    with h5py.File(rebuilt(source)) as file:
        assert {name: len(it["pages"]) for name, it in file.items()} == {"train": ROWS - 1, "valid": ROWS}


def test_weights_of_a_model_do_not_lose_rows(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["dense/kernel:0"], file["dense/bias:0"] = with_nan(ROWS, 6), np.zeros(6, "f4")
    with pytest.raises(DatacheckError, match="holds weights of a model"):
        rebuilt(tmp_path / "a.h5")


def test_weights_of_samples_are_a_column(tmp_path):
    source = write(tmp_path / "a.h5", data=full(ROWS, 6), weights=with_nan(ROWS))
    with h5py.File(rebuilt(source)) as file:
        assert len(file["data"]) == len(file["weights"]) == ROWS - 1


def fuel(path, stop=ROWS, nan=True, labelled=ROWS):
    fields = [("split", "S5"), ("source", "S8"), ("start", "i8"), ("stop", "i8"), ("indices", h5py.ref_dtype)]
    sets = np.zeros(3, fields)
    for at, its in enumerate(
        ((b"train", b"features", 0, 30), (b"test", b"features", 30, stop), (b"train", b"targets", 0, 30))
    ):
        sets[at] = (*its, h5py.Reference())
    features = with_nan(ROWS, 4) if nan else full(ROWS, 4)
    with h5py.File(write(path, features=features, targets=np.arange(labelled) % 3), "a") as file:
        file.attrs["split"] = sets
    return path


def test_the_sets_of_fuel_are_looked_at_and_kept(tmp_path):
    assert list(datacheck.scan(fuel(tmp_path / "sound.h5", nan=False), workers=1).findings) == []
    with pytest.raises(DatacheckError, match="the attribute split of / says which rows"):
        rebuilt(fuel(tmp_path / "a.h5"))
    (finding,) = datacheck.scan(fuel(tmp_path / "b.h5", stop=ROWS + 6, nan=False), workers=1).findings
    assert (finding.code, finding.verdict) == ("dangling", "bad")
    assert "test is rows 30 to 46 of /features, which has 40" in finding.message


def test_fuel_has_rows_that_nobody_labelled(tmp_path):
    assert list(datacheck.scan(fuel(tmp_path / "a.h5", nan=False, labelled=30), workers=1).findings) == []

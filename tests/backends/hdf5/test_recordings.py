"""Files of a folder that are one recording each, and files called alike in folders of their own."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck


def write(path, **datasets):
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values


def sounds(folder, bad=None, lost=None, name="u_{:03}.h5", lengths=range(20, 30), hop=30):
    rng = np.random.default_rng(6)
    for at, length in enumerate(lengths):
        feats = rng.normal(size=(length, 8)).astype("f4")
        if at == bad:
            feats[3, 3] = np.nan
        wave = rng.normal(size=length * hop + 7).astype("f4")
        write(folder / name.format(at), wave=wave, **({} if at == lost else {"feats": feats}))
    return folder


def left(folder):
    return sorted(it.relative_to(folder).as_posix() for it in folder.rglob("*.h5"))


@pytest.mark.parametrize("fault", ["bad", "lost"])
def test_a_sound_goes_with_its_features(tmp_path, fault):
    source = sounds(tmp_path / "a", **{fault: 4})
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert left(tmp_path / "copy") == [it for it in left(source) if it != "u_004.h5"]
    assert datacheck.scan(tmp_path / "copy").bad == 0


OTHERS = {
    "pieces of one length": {"lengths": [20] * 9},
    "pieces by name": {"name": "part_{:03}.h5"},
    "as many rows": {"hop": 1},
    "two files": {"lengths": [20, 25]},
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_files_lose_rows(tmp_path, name):
    source = sounds(tmp_path / "a", bad=1, **OTHERS[name])
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert left(tmp_path / "copy") == left(source)


def test_lengths_that_have_nothing_to_do_with_each_other_are_no_recordings(tmp_path):
    rng = np.random.default_rng(8)
    for at in range(9):
        x = rng.normal(size=(20 + 3 * at, 4))
        x[2] = np.nan if at == 5 else x[2]
        write(tmp_path / "a" / f"{at}.h5", x=x, words=rng.integers(1, 99, int(rng.integers(60, 200))))
    datacheck.rebuild(tmp_path / "a", tmp_path / "copy", drop_bad=True)
    assert len(left(tmp_path / "copy")) == 9


def days(folder, short=None, lost=None, sets=(), name="trajectory.h5"):
    rng = np.random.default_rng(7)
    for at, day in enumerate(sets or [f"2023-03-{it:02}" for it in range(1, 8)]):
        its = {f"action/{it}": rng.normal(size=(30 + at, 6)) for it in ("joints", "gripper", "position")}
        if at == short:
            its["action/joints"] = its["action/joints"][:-1]
        if at == lost:
            del its["action/joints"]
        write(folder / day / name, **its)
    return folder


@pytest.mark.parametrize("name", ["trajectory.h5", "data.h5"])
@pytest.mark.parametrize("fault", ["short", "lost"])
def test_files_called_alike_in_folders_of_their_own_are_compared(tmp_path, name, fault):
    assert list(datacheck.scan(days(tmp_path / "sound", name=name)).findings) == []
    (finding,) = datacheck.scan(days(tmp_path / "a", name=name, **{fault: 2})).findings
    assert finding.file == f"2023-03-03/{name}"
    assert finding.code == ("row-count" if fault == "short" else "unpaired")


def test_sets_need_not_have_what_the_others_have(tmp_path):
    source = days(tmp_path / "a", lost=3, sets=["train", "train_extra", "val", "test"], name="data.h5")
    assert list(datacheck.scan(source).findings) == []


def test_what_a_file_lacks_is_said_to_be_as_bad_in_the_copy(tmp_path):
    for at in range(6):
        labels = {} if at == 3 else {"y": np.arange(30) % 3}
        write(tmp_path / "a" / f"x_{at}.h5", X=np.random.default_rng(at).normal(size=(30, 4)), **labels)
    receipt = datacheck.rebuild(tmp_path / "a", tmp_path / "copy", drop_bad=True)
    assert [(it.code, it.file) for it in receipt.lost] == [("unpaired", "x_3.h5")]
    assert [it.code for it in datacheck.scan(tmp_path / "copy").findings] == ["unpaired"]
    assert datacheck.rebuild(sounds(tmp_path / "b", lost=4), tmp_path / "c", drop_bad=True).lost == []


@pytest.mark.parametrize("bad", ["wave", "feats"])
def test_one_recording_does_not_lose_rows_of_a_part_without_a_word(tmp_path, bad):
    rng = np.random.default_rng(1)
    values = {"wave": rng.normal(size=9000), "feats": rng.normal(size=(90, 8))}
    values[bad][7] = np.nan
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, its in values.items():
            file[name] = its
    with pytest.raises(datacheck.UsageError, match="have 100 rows of one for each of the other"):
        datacheck.rebuild(tmp_path / "a.h5", tmp_path / "b.h5", drop_bad=True, workers=1)


def test_rows_that_are_no_multiple_of_a_signal_go(tmp_path):
    values = np.random.default_rng(1).normal(size=(90, 8))
    values[7] = np.nan
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["wave"], file["feats"] = np.random.default_rng(1).normal(size=9040), values
    datacheck.rebuild(tmp_path / "a.h5", tmp_path / "b.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "b.h5") as file:
        assert (len(file["wave"]), len(file["feats"])) == (9040, 89)

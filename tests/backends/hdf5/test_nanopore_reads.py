"""Reads of nanopores: fast5 with a group for each read, and the mapped signals of Taiyaki."""

import hashlib

import h5py
import numpy as np
import pytest
from hdf5_walks import forget_walks

from datacheck import open_store, rebuild, scan

READS = 20
NAMES = [hashlib.md5(b"%d" % at).hexdigest() for at in range(READS)]


def fast5(path, without=(), cut=(), raw=True):
    """Write reads that share the groups `tracking_id` and `context_tags` of the first one."""
    with h5py.File(path, "w") as file:
        shared = [file.create_group(f"read_{NAMES[0]}/{name}") for name in ("tracking_id", "context_tags")]
        for at, name in enumerate(NAMES):
            read, count = file.require_group(f"read_{name}"), 600 + 7 * at
            if at not in without or raw:
                read.create_group("Raw").attrs["duration"] = np.uint32(count)
            if at not in without:
                rows = count - 60 if at in cut else count
                read["Raw/Signal"] = np.random.default_rng(at).integers(200, 900, rows).astype("i2")
            read.create_group("channel_id").attrs["digitisation"] = 8192.0
            for group in shared if at else ():
                read[group.name.rpartition("/")[2]] = group
    return path


def told(path):
    forget_walks()
    findings = open_store(path).layout_at_risk().findings
    return [(it.code, it.verdict, it.details.get("sample")) for it in findings]


def test_sound_reads_are_clean(tmp_path):
    assert told(fast5(tmp_path / "a.fast5")) == []


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize("at", [0, 9])
def test_a_read_without_its_signal_is_bad_and_goes(tmp_path, at, raw):
    path = fast5(tmp_path / "a.fast5", without=[at], raw=raw)
    assert told(path) == [("unpaired", "bad", f"/read_{NAMES[at]}")]
    rebuild(path, tmp_path / "b.fast5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "b.fast5") as copy:
        kept = {name: read["Raw/Signal"].shape[0] == read["Raw"].attrs["duration"] for name, read in copy.items()}
        assert (len(kept), all(kept.values()), all("tracking_id" in it for it in copy.values())) == (
            READS - 1,
            True,
            True,
        )


def test_a_signal_that_is_shorter_than_its_duration_is_bad(tmp_path):
    assert told(fast5(tmp_path / "a.fast5", cut=[9])) == [("count", "bad", f"/read_{NAMES[9]}")]
    assert told(fast5(tmp_path / "b.fast5", cut=range(READS))) == []


def test_of_many_reads_without_a_signal_it_may_be_left_out(tmp_path):
    without = [NAMES.index(it) for it in sorted(NAMES)[5:9]]
    assert {it[:2] for it in told(fast5(tmp_path / "a.fast5", without=without))} == {("unpaired", "suspicious")}


def taiyaki(path, beyond=0, signal="Dacs", positions="Ref_to_signal"):
    with h5py.File(path, "w") as file:
        for at, name in enumerate(NAMES):
            rng, bases = np.random.default_rng(at), 40 + at
            count = 9 * bases
            places = np.sort(rng.integers(-1, count, bases + 1)).astype("i4")
            places[-1] = count + (beyond if at == 7 else 0)
            read = file.create_group(f"Reads/{name}")
            read[signal], read[positions] = rng.integers(200, 900, count).astype("i2"), places
            read["Reference"] = rng.integers(0, 4, bases).astype("i2")
    return path


def found(path):
    return [(it.key, it.code) for it in scan(path, workers=1).findings]


def test_a_base_behind_the_end_of_its_signal_is_a_fault_of_the_read(tmp_path):
    assert found(taiyaki(tmp_path / "sound.hdf5")) == []
    path = taiyaki(tmp_path / "bad.hdf5", beyond=1)
    assert found(path) == [(f"/Reads/{NAMES[7]}/Ref_to_signal[47]", "dangling")]
    rebuild(path, tmp_path / "copy.hdf5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "copy.hdf5") as copy:
        assert {*copy["Reads"]} == {*NAMES} - {NAMES[7]}


def test_positions_in_something_else_may_be_any(tmp_path):
    assert found(taiyaki(tmp_path / "a.hdf5", beyond=1, positions="Ref_to_time")) == []
    assert found(taiyaki(tmp_path / "b.hdf5", beyond=1, signal="Events")) == []

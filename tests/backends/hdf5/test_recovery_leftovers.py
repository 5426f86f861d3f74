"""What was deleted is in a file still: it never comes back under a name, and of a sound file not at all."""

import random
import struct

import h5py
import numpy as np
import pytest

from datacheck import rebuild, scan
from datacheck.backends.hdf5 import walking
from datacheck.backends.hdf5.file import opened
from datacheck.backends.hdf5.recovery import recover
from datacheck.backends.hdf5.structure.superblock import lookup3

COUNT = 40
SIGNS = (b"SNOD", b"TREE", b"HEAP", b"OHDR", b"OCHK", b"FRHP", b"BTHD", b"BTLF", b"BTIN", b"FHDB", b"FHIB")
NAMES = ("actions", "obs/pos")


def store(path, libver, seed=0, *, ordered=False, block=0):
    """Write demonstrations, delete some, write some of those anew, rename some; return the value that each has."""
    pick = random.Random(seed)
    with h5py.File(path, "w", libver=libver, userblock_size=block) as file:
        data = file.create_group("data", track_order=ordered)
        for number in range(COUNT):
            _write(data, number, number + 1.0)
    live = {number: number + 1.0 for number in range(COUNT)}
    with h5py.File(path, "r+", libver=libver) as file:
        data = file["data"]
        gone = pick.sample(range(COUNT), 12)
        for number in gone:
            del data[f"demo_{number}"], live[number]
        for number in pick.sample(gone, 6):
            live[number] = 1000.0 + number
            _write(data, number, live[number])
        for number in pick.sample(sorted(live), 3):
            data.move(f"demo_{number}", f"demo_{number + 500}")
            live[number + 500] = live.pop(number)
    return live


def _write(data, number, value):
    for name in NAMES:
        data[f"demo_{number}/{name}"] = np.full((5, 3), value)


def values(file):
    """Return what each demonstration holds, of all its members that can be read."""
    found = {}
    for name in NAMES:
        for number in range(COUNT + 500):
            try:
                found[number, name] = float(file[f"data/demo_{number}/{name}"][0, 0])
            except (KeyError, OSError, RuntimeError):
                continue
    return found


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize("block", [0, 512])
def test_nothing_of_a_sound_file_is_recovered(tmp_path, monkeypatch, libver, block):
    path = tmp_path / "store.h5"
    store(path, libver, block=block)
    monkeypatch.setattr(recover, "recovery", lambda *_: pytest.fail("a sound file is not recovered"))
    walking.contents_of.cache_clear()
    status = path.stat()
    contents = walking.contents_of(path, status.st_size, status.st_mtime_ns, walking.StoreOptions(), None)
    assert (contents.findings, contents.recovery) == ((), None)
    report = scan(path, workers=1)
    assert (report.status, {it.code for it in report.findings}) == (0, {"constant"})  # so are its values


def test_a_file_that_its_writer_has_not_closed_is_not_recovered(tmp_path, monkeypatch):
    path = tmp_path / "store.h5"
    store(path, "latest")
    raw = bytearray(path.read_bytes())
    raw[11] = 5  # a writer has it, and others may read
    struct.pack_into("<I", raw, 44, lookup3(bytes(raw[:44])))
    path.write_bytes(raw)
    monkeypatch.setattr(recover, "recovery", lambda *_: pytest.fail("its structure is sound"))
    walking.contents_of.cache_clear()
    status = path.stat()
    contents = walking.contents_of(path, status.st_size, status.st_mtime_ns, walking.StoreOptions(), None)
    assert [it.code for it in contents.findings] == ["not-closed"]


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize("seed", range(4))
def test_what_was_deleted_never_has_the_name_of_what_is_there(tmp_path, libver, ordered, seed):
    path = tmp_path / "store.h5"
    live = store(path, libver, seed, ordered=ordered)
    sound, pick, shown = path.read_bytes(), random.Random(seed), 0
    spots = [at for sign in SIGNS for at in range(len(sound)) if sound.startswith(sign, at)]
    for _ in range(8):
        raw = bytearray(sound)
        for at in pick.sample(spots, pick.randint(1, 2)):
            raw[at : at + 8] = bytes(8)
        if pick.random() < 0.25:
            del raw[pick.randrange(len(raw) // 2, len(raw)) :]
        path.write_bytes(raw)
        made = recover.recovery(path, frozenset([b"", b"/data"]))
        if made is None:
            continue
        with opened(path, made) as file:
            found = values(file.file)
        shown += len(found)
        assert {it: value for it, value in found.items() if live.get(it[0]) != value} == {}
    assert shown > 0


@pytest.mark.parametrize("lost", [b"FRHP", b"BTHD"])
def test_a_lost_index_of_links_costs_no_name_that_is_proven(tmp_path, lost):
    """The heap's own header, or the tree of names: each tells without the other which links there are."""
    path = tmp_path / "store.h5"
    live = store(path, "latest", ordered=lost == b"BTHD")
    raw = bytearray(path.read_bytes())
    at = raw.index(lost)  # that of /data: there are few links in the other groups
    raw[at : at + 4] = bytes(4)
    path.write_bytes(raw)
    report = scan(path, workers=1)
    assert any("the index of the links of /data is damaged" in it.message for it in report.findings)
    rebuild(path, tmp_path / "copy.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "copy.h5") as copy:
        assert values(copy) == {(number, name): value for number, value in live.items() for name in NAMES}


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_links_out_of_the_file_that_are_lost_with_their_list_are_said(tmp_path, libver):
    path = tmp_path / "store.h5"
    with h5py.File(path, "w", libver=libver) as file:
        data = file.create_group("data")
        for number in range(20):
            data[f"demo_{number}"] = np.full((4, 2), number + 1.0)
            data[f"near_{number}"] = h5py.SoftLink(f"/data/demo_{number}")
            data[f"far_{number}"] = h5py.ExternalLink("other.h5", "/a")
    raw = bytearray(path.read_bytes())
    at = raw.index(b"FRHP")
    raw[at : at + 4] = bytes(4)
    path.write_bytes(raw)
    (said,) = [it for it in scan(path, workers=1).findings if "out of the file" in it.message]
    assert (said.code, said.verdict) == ("damaged-store", "bad")
    assert said.message.startswith("links of /data out of the file are lost with the list of its links: far_0 to other")
    assert said.message.endswith("and 10 more")
    receipt = rebuild(path, tmp_path / "copy.h5", drop_bad=True, workers=1)
    assert said.message in [it.message for it in receipt.lost]
    with h5py.File(tmp_path / "copy.h5") as copy:
        assert len(copy["data"]) == 40
        assert copy["data/near_7"][0, 0] == 8

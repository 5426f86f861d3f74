"""Files that the HDF5 library refuses: what is left of them is read, what is not is named, and a rebuild keeps it."""

import hashlib
import random
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from covering import pairwise, seeds

from datacheck import rebuild, scan
from datacheck.backends.hdf5.library.mended import Mended
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.hdf5.recovery.headers import header as header_at
from datacheck.backends.hdf5.recovery.raw import Raw
from datacheck.backends.hdf5.structure.superblock import Beyond, header_bytes, lookup3, superblock
from datacheck.backends.interface import StoreOptions

ROWS = 96
LAYOUTS = {
    "contiguous": {},
    "chunked": {"chunks": (4, 3, 5)},
    "split": {"chunks": (8, 2, 5), "compression": "gzip"},
    "gzip": {"chunks": (4, 3, 5), "compression": "gzip", "shuffle": True, "fletcher32": True},
    "growing": {"chunks": (4, 3, 5), "maxshape": (None, 3, 5), "compression": "gzip"},
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.h5"


def values():
    return np.random.default_rng(1).integers(1, 200, (ROWS, 3, 5)).astype("<f4")


def store(path, layout="contiguous", **options):
    with h5py.File(path, "w", **options) as file:
        file.attrs["made"] = "for a test"
        file["label"] = np.arange(1, ROWS + 1)
        file.create_dataset("data", data=values(), **LAYOUTS[layout])
        file["other/names"] = np.array([b"a", b"b"])


def read(path, limit=None):
    """Findings of the file, findings of rows by row, and the values of the rows of /data that were read."""
    reader = Hdf5Reader.recognise(path, StoreOptions())
    assert reader is not None
    layout = reader.layout()
    whole, lost, rows = list(layout.findings), {}, {}
    for shard in layout.shards:
        for block in reader.blocks(shard, limit=limit):
            for row, finding in block.findings:
                if row is None:
                    whole.append(finding)
                else:
                    lost.setdefault(block.rows[row], []).append(finding)
            if "data" in block.columns:
                gone = set(block.unread.get("data", ()))
                rows |= {at: block.columns["data"][nth].copy() for nth, at in enumerate(block.rows) if nth not in gone}
    return whole, lost, rows


def cut(path, end):
    with path.open("r+b") as file:
        file.truncate(end)


def digest(folder):
    return {it.name: hashlib.sha256(it.read_bytes()).hexdigest() for it in folder.iterdir()}


@pytest.mark.parametrize(("layout", "libver", "limit"), pairwise([*LAYOUTS], ["earliest", "v108", "latest"], [None, 1]))
def test_wherever_a_file_is_cut_each_row_is_read_right_or_named(path, layout, libver, limit):
    store(path, layout, libver=libver)
    whole, right, size = path.read_bytes(), values(), path.stat().st_size
    with h5py.File(path) as file:
        at = h5py.h5o.get_info(file["data"].id).addr
    with path.open("rb") as file:
        header = max(it.at + len(it.held) for it in header_at(Raw(file.fileno(), 0, size), at).pieces)
    pick = random.Random(f"{layout} {libver}")
    most = 0
    for end in [*sorted(pick.sample(range(600, size), 8)), size - 1]:
        path.write_bytes(whole[:end])
        findings, lost, rows = read(path, limit)
        assert (findings[0].code, findings[0].details) == ("truncated-store", {"size": end, "expected": size})
        assert all(np.array_equal(row, right[at]) for at, row in rows.items())
        lost_whole = any(
            it.details.get("path") == "/data"
            or "data" in it.details.get("lost", ())
            or "cannot open the file" in it.message
            or "the header of the root group is lost" in it.message
            or (not rows and not lost and "a part of the header of / is lost" in it.message)
            for it in findings
        )
        if end >= header:  # with its header before the cut the dataset is found, whatever has led there
            assert rows or lost or any(it.details.get("path", "").endswith(("/data", f"/at_{at}")) for it in findings)
        assert lost_whole != (set(range(ROWS)) == rows.keys() | lost.keys())
        assert not (lost_whole and rows)
        most = max(most, len(rows))
    assert most > ROWS // 2


def test_rows_behind_a_cut_are_named_by_the_chunk_they_were_in(path):
    store(path, "chunked")
    with h5py.File(path) as file:
        chunk = file["data"].id.get_chunk_info_by_coord((60, 0, 0))
    cut(path, chunk.byte_offset + 17)
    _, lost, rows = read(path)
    assert sorted(rows) == list(range(60))
    (finding,) = lost[63]
    assert (finding.code, finding.field) == ("truncated-store", "data")
    assert finding.message == (
        f"the chunk at [60, 0, 0] of /data (240 bytes at offset {chunk.byte_offset}) is lost, "
        f"since the file ends at {chunk.byte_offset + 17}"
    )
    assert finding.details["chunk"] == [60, 0, 0]


def test_rows_whose_index_is_lost_are_not_taken_for_rows_of_what_is_left(path):
    """The dataset's shape is known, so that its rows are lost, and not rows of labels alone."""
    store(path, "chunked")
    raw = path.read_bytes()
    tree = raw.index(b"TREE\x01", 2000)
    path.write_bytes(raw[:tree] + bytes(4) + raw[tree + 4 :])
    findings, lost, rows = read(path)
    assert (findings, rows) == ([], {})
    assert set(lost) == set(range(ROWS))
    assert {it.code for found in lost.values() for it in found} == {"unreadable"}
    assert lost[0][0].message.startswith("the chunk at [0, 0, 0] of /data: ")
    assert lost[0][0].message.endswith("(wrong B-tree signature)")


def test_a_dataset_all_of_which_is_behind_a_cut_is_named_once_and_its_neighbours_go_on(path):
    with h5py.File(path, "w") as file:
        file.attrs["made"] = "for a test"
        file["data"] = values()
        file["label"] = np.arange(1, ROWS + 1)
        offset = file["label"].id.get_offset()
    cut(path, offset)
    findings, lost, rows = read(path)
    assert (len(findings), lost, len(rows)) == (2, {}, ROWS)
    assert findings[1].code == "truncated-store"
    assert findings[1].message == (
        f"/label is lost, since its values begin at offset {offset} and the file ends at {offset}"
    )
    receipt = rebuild(path, path.parent / "clean.h5", drop_bad=True)
    assert (receipt.kept, [it.code for it in receipt.lost]) == (ROWS, ["truncated-store", "truncated-store"])
    assert scan(path.parent / "clean.h5").clean
    with h5py.File(path.parent / "clean.h5") as file:
        assert np.array_equal(file["data"][()], values())
        assert list(file) == ["data"]


def test_an_object_header_that_ends_right_before_the_cut_is_read(path):
    """The library looks further ahead than the header goes."""
    with h5py.File(path, "w") as file:
        file["data"] = np.arange(100)
        for number in range(40):
            file.create_group(f"g{number}")
        file["last"] = np.arange(3)
    with h5py.File(path) as file:
        addresses = {h5py.h5o.get_info(file[name].id).addr: name for name in file}
    last = max(addresses)
    raw = path.read_bytes()
    end = last + header_bytes(raw[last : last + 256])
    assert end + 20 < last + 512 <= len(raw)
    cut(path, end + 20)
    reader = Hdf5Reader.recognise(path, StoreOptions())
    assert f"/{addresses[last]}" not in {it.details.get("path") for it in reader.layout().findings}


def never_closed(path):
    raw = bytearray(path.read_bytes())
    assert raw[8] == 3
    raw[11] |= 1
    raw[44:48] = lookup3(bytes(raw[:44])).to_bytes(4, "little")
    path.write_bytes(raw)


def flipped_checksum(path):
    raw = bytearray(path.read_bytes())
    raw[45] ^= 4
    path.write_bytes(raw)


def flipped_flags(path):
    """Without a right checksum, which tells it from a writer's."""
    raw = bytearray(path.read_bytes())
    raw[11] |= 4
    path.write_bytes(raw)


def flipped_end(path):
    raw = bytearray(path.read_bytes())
    raw[33] ^= 0x20
    path.write_bytes(raw)


def no_superblock(path):
    raw = path.read_bytes()
    length = 48 if raw[8] >= 2 else 96
    path.write_bytes(bytes(length) + raw[length:])


def nonsense_for_a_superblock(path):
    raw = path.read_bytes()
    length = 48 if raw[8] >= 2 else 96
    path.write_bytes(raw[:8] + b"\xee" * (length - 8) + raw[length:])


DAMAGES = [
    (never_closed, "latest", {"not-closed"}),
    (flipped_checksum, "latest", {"checksum"}),
    (flipped_checksum, "v108", {"checksum"}),
    (flipped_flags, "latest", {"checksum", "not-closed"}),
    (flipped_end, "latest", {"checksum"}),
    (no_superblock, "earliest", {"damaged-store"}),
    (no_superblock, "latest", {"damaged-store"}),
    (nonsense_for_a_superblock, "earliest", {"damaged-store"}),
    (nonsense_for_a_superblock, "latest", {"damaged-store"}),
]


@pytest.mark.parametrize(("damage", "libver", "codes"), DAMAGES)
def test_a_damaged_superblock_is_named_and_all_rows_are_read(path, damage, libver, codes):
    store(path, "gzip", libver=libver)
    assert read(path)[0] == []
    damage(path)
    with pytest.raises(OSError, match="file"):
        h5py.File(path)
    before = digest(path.parent)
    findings, lost, rows = read(path)
    assert {it.code for it in findings} == codes
    assert lost == {}
    assert np.array_equal(np.array([rows[at] for at in range(ROWS)]), values())
    assert digest(path.parent) == before


@pytest.mark.parametrize("userblock", [512, 2048])
def test_a_cut_file_with_a_user_block_is_read(path, userblock):
    store(path, "contiguous", userblock_size=userblock)
    size = path.stat().st_size
    with h5py.File(path) as file:
        offset = file["data"].id.get_offset()
    cut(path, offset + 60 * 50)
    findings, lost, rows = read(path)
    assert findings[0].details == {"size": offset + 3000, "expected": size}
    assert (sorted(rows), sorted(lost)) == (list(range(50)), list(range(50, ROWS)))


def test_a_file_with_something_put_before_it_moves_its_end_along(path):
    """As `h5jam` or `cat` do: the library takes the addresses from where the superblock is."""
    store(path, "contiguous")
    path.write_bytes(bytes(512) + path.read_bytes())
    assert superblock(path).end == path.stat().st_size
    assert read(path)[0] == []
    cut(path, path.stat().st_size - 100)
    assert read(path)[0][0].details["expected"] == path.stat().st_size + 100


def sound(path):
    """The copy is one that the library opens, and has nothing to object to."""
    assert scan(path).clean
    with h5py.File(path) as file:
        assert file.attrs["made"] == "for a test"
        return file["data"][()], file["label"][()], sorted(file)


@pytest.mark.parametrize(("damage", "libver", "codes"), DAMAGES)
def test_a_rebuild_of_a_damaged_superblock_has_every_row(path, damage, libver, codes):
    store(path, "gzip", libver=libver)
    damage(path)
    before = digest(path.parent)
    target = path.parent / "clean.h5"
    receipt = rebuild(path, target, drop_bad=True)
    assert (receipt.written, receipt.kept, receipt.dropped) == (True, ROWS, 0)
    assert {it.code for it in receipt.lost} == codes - {"not-closed"}
    data, label, names = sound(target)
    assert np.array_equal(data, values())
    assert np.array_equal(label, np.arange(1, ROWS + 1))
    assert names == ["data", "label", "other"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before["store.h5"]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_a_rebuild_of_a_cut_file_has_the_rows_that_are_left(path, layout, libver):
    store(path, layout, libver=libver)
    cut(path, path.stat().st_size * 2 // 3)
    _, _, rows = read(path)
    target = path.parent / "clean.h5"
    receipt = rebuild(path, target, drop_bad=True)
    assert (receipt.kept, receipt.dropped) == (len(rows), ROWS - len(rows))
    assert receipt.written == bool(rows)
    if not rows:  # a copy of nothing is none
        assert not target.exists()
        return
    data, label, _ = sound(target)
    assert data.tolist() == [rows[at].tolist() for at in sorted(rows)]
    assert label.tolist() == [at + 1 for at in sorted(rows)]


def test_a_rebuild_leaves_out_an_object_that_cannot_be_opened(path):
    store(path)
    with h5py.File(path) as file:
        at = h5py.h5o.get_info(file["other/names"].id).addr
    raw = bytearray(path.read_bytes())
    raw[at : at + 16] = bytes(16)
    path.write_bytes(raw)
    target = path.parent / "clean.h5"
    receipt = rebuild(path, target, drop_bad=True)
    assert [it.details["path"] for it in receipt.lost] == ["/other/names"]
    data, _, _ = sound(target)
    assert np.array_equal(data, values())
    with h5py.File(target) as file:
        assert list(file["other"]) == []


def test_a_rebuild_leaves_out_a_dataset_that_is_no_rows_and_damaged(path):
    store(path)
    with h5py.File(path, "a") as file:
        file.create_dataset("classes", data=np.array([b"a", b"b", b"c"]), chunks=(3,), fletcher32=True)
    with h5py.File(path) as file:
        chunk = file["classes"].id.get_chunk_info(0)
    raw = bytearray(path.read_bytes())
    raw[chunk.byte_offset] ^= 1
    path.write_bytes(raw)
    target = path.parent / "clean.h5"
    receipt = rebuild(path, target, drop_bad=True)
    assert [(it.code, it.details["dataset"]) for it in receipt.lost] == [("checksum", "/classes")]
    data, _, names = sound(target)
    assert np.array_equal(data, values())
    assert names == ["data", "label", "other"]


def test_a_rebuild_of_a_folder_leaves_out_what_cannot_be_opened_at_all(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    store(folder / "a.h5")
    store(folder / "b.h5")
    raw = bytearray((folder / "b.h5").read_bytes())
    raw[96:] = bytes(len(raw) - 96)  # the root group, and all that it leads to
    (folder / "b.h5").write_bytes(raw)
    receipt = rebuild(folder, tmp_path / "clean", drop_bad=True)
    assert (receipt.kept, {it.file for it in receipt.lost}) == (ROWS, {"b.h5"})
    assert [it.name for it in (tmp_path / "clean").iterdir()] == ["a.h5"]
    assert scan(tmp_path / "clean").clean


def test_a_rebuild_of_a_file_of_which_nothing_is_left_writes_nothing_and_says_so(path):
    store(path)
    raw = bytearray(path.read_bytes())
    raw[96:] = bytes(len(raw) - 96)
    path.write_bytes(raw)
    run = subprocess.run(
        [sys.executable, "-m", "datacheck", "rebuild", path, path.parent / "clean.h5", "--drop-bad"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert (run.returncode, run.stderr) == (1, "")
    assert run.stdout.endswith("nothing was written: no record would be left in a copy\n")
    assert [it.name for it in path.parent.iterdir()] == ["store.h5"]


@pytest.mark.parametrize("seed", seeds(16))
def test_any_bytes_anywhere_end_in_findings(path, seed):
    """Random damage to structure and values: no exception but findings, and no row that is not as it was unnoticed."""
    pick = random.Random(seed)
    layout = pick.choice(sorted(LAYOUTS))
    store(path, layout, libver=pick.choice(["earliest", "latest"]))
    raw = bytearray(path.read_bytes())
    for _ in range(pick.randint(1, 4)):
        at = pick.randrange(len(raw) if pick.random() < 0.3 else 3000)
        length = pick.choice([1, 8, 64, 512])
        raw[at : at + length] = pick.choice([bytes(length), pick.randbytes(length)])[: len(raw) - at]
    if pick.random() < 0.5:
        del raw[pick.randrange(1000, len(raw)) :]
    path.write_bytes(raw)
    if Hdf5Reader.recognise(path, StoreOptions()) is None:
        return
    report = scan(path, workers=1)
    assert report.complete or report.findings
    assert path.read_bytes() == raw


def test_mended_fails_beyond_the_end_with_an_os_error_alone(path):
    store(path)
    cut(path, 3000)
    file = Mended(path, superblock(path))
    try:
        assert file.seek(0, 2) > 3000
        for at, size in ((2990, 20), (3000, 1), (1 << 62, 8), (-5, 3)):
            file.seek(at)
            with pytest.raises(Beyond):
                file.readinto(memoryview(bytearray(size)))
        with pytest.raises(OSError, match="never written"):
            file.write(b"x")
        file.seek(2990)
        assert file.read(10) == path.read_bytes()[2990:]
    finally:
        file.close()


def test_header_bytes_are_those_of_the_library(path):
    for libver in ("earliest", "latest"):
        store(path, libver=libver)
        raw = path.read_bytes()
        with h5py.File(path) as file:
            for name in ("data", "label", "other"):
                info = h5py.h5o.get_info(file[name].id)
                if info.hdr.nchunks == 1:
                    assert header_bytes(raw[info.addr : info.addr + 64]) == info.hdr.space.total
    assert header_bytes(b"") is header_bytes(b"OHDR") is header_bytes(bytes(64)) is None

"""One named thing of an HDF5 file is broken: what a scan says and what a rebuild keeps, by the public functions."""

import struct

import h5py
import numpy as np
import pytest
from building import fingerprint

import datacheck

ROWS = 64
CHUNK = 8
VALUES = np.random.default_rng(3).integers(1, 200, (ROWS, 4, 4)).astype("<f4")
LABELS = np.arange(ROWS) % 5


def write(path, libver="earliest", **how):
    """A table of chunked data and labels, with words and a group beside it."""
    with h5py.File(path, "w", libver=libver) as file:
        file.create_dataset("data", data=VALUES, chunks=(CHUNK, 4, 4), **how)
        file["label"] = LABELS
        file["more/words"] = ["some", "words", "of", "any", "length"]
    return path


class Raw:
    """The bytes of a file, and where its parts lie."""

    def __init__(self, path):
        self.path, self.raw = path, bytearray(path.read_bytes())
        with h5py.File(path) as file:
            self.headers = {name: h5py.h5o.get_info(file[name].id).addr for name in ("/", "data", "label", "more")}
            data = file["data"].id
            self.chunks = [data.get_chunk_info(nth) for nth in range(data.get_num_chunks())]

    def places(self, signature):
        found, at = [], -1
        while (at := self.raw.find(signature, at + 1)) >= 0:
            found.append(at)
        return found

    def zero(self, at, size):
        self.raw[at : at + size] = bytes(size)

    def flip(self, at):
        self.raw[at] ^= 1

    def save(self):
        self.path.write_bytes(self.raw)


def spoil_the_signature(file):
    file.flip(1)


def spoil_the_version_of_the_superblock(file):
    file.raw[8] = 99


def lead_the_root_behind_the_end(file):
    at = file.raw.index(struct.pack("<Q", file.headers["/"]), 24)
    struct.pack_into("<Q", file.raw, at, 1 << 40)


def zero_the_header_of_the_root(file):
    file.zero(file.headers["/"], 16)


def zero_the_header_of_the_data(file):
    file.zero(file.headers["data"], 16)


def zero_the_header_of_the_labels(file):
    file.zero(file.headers["label"], 16)


def flip_a_bit_in_the_header_of_the_data(file):
    file.flip(file.headers["data"] + 40)


def zero_the_names_of_the_root(file):
    file.zero(file.places(b"HEAP")[0], 4)


def zero_the_tree_of_the_root(file):
    file.zero(file.places(b"TREE")[0], 8)


def zero_the_symbols_of_the_root(file):
    file.zero(file.places(b"SNOD")[0], 8)


def zero_the_index_of_the_chunks(file):
    (at,) = [it for it in file.places(b"TREE") if file.raw[it + 4] == 1]
    file.zero(at, 8)


def lead_a_chunk_behind_the_end(file):
    at = file.raw.index(struct.pack("<Q", file.chunks[2].byte_offset))
    struct.pack_into("<Q", file.raw, at, 1 << 40)


def lead_a_chunk_to_another(file):
    at = file.raw.index(struct.pack("<Q", file.chunks[2].byte_offset))
    struct.pack_into("<Q", file.raw, at, file.chunks[3].byte_offset)


def zero_the_words(file):
    file.zero(file.places(b"GCOL")[0], 8)


def flip_a_bit_in_a_chunk(file):
    file.flip(file.chunks[2].byte_offset + 20)


def zero_a_chunk(file):
    file.zero(file.chunks[2].byte_offset, file.chunks[2].size)


def name_a_filter_that_nobody_has(file):
    at = file.raw.index(b"deflate\0")
    struct.pack_into("<H", file.raw, at - 8, 31_999)


def zero_the_fixed_array(file):
    file.zero(file.places(b"FAHD")[0], 8)


def zero_the_pages_of_the_fixed_array(file):
    file.zero(file.places(b"FADB")[0], 8)


def cut_within_the_last_chunk(file):
    del file.raw[file.chunks[-1].byte_offset + 10 :]


def cut_the_last_byte(file):
    del file.raw[-1:]


GZIP = {"compression": "gzip", "fletcher32": True}
OLD, NEW = ("earliest", GZIP), ("latest", GZIP)
THIRD = range(2 * CHUNK, 3 * CHUNK)
ALL = {"data", "label", "words"}
NO_SUPERBLOCK = [("damaged-store", "the superblock is destroyed; the file is read from the root group")]
NO_DATA = [("damaged-store", "/data cannot be opened: ")]
# the format and the damage: findings of the file, the code of lost rows and which they are, what of the file is left
DAMAGES = [
    (OLD, spoil_the_signature, NO_SUPERBLOCK, "", (), ALL),
    (NEW, spoil_the_signature, NO_SUPERBLOCK, "", (), ALL),
    (OLD, spoil_the_version_of_the_superblock, NO_SUPERBLOCK, "", (), ALL),
    (OLD, zero_the_header_of_the_data, NO_DATA, "", (), ALL - {"data"}),
    (NEW, zero_the_header_of_the_data, NO_DATA, "", (), ALL - {"data"}),
    (OLD, zero_the_header_of_the_labels, [("damaged-store", "/label cannot be opened: ")], "", (), ALL - {"label"}),
    (NEW, flip_a_bit_in_the_header_of_the_data, NO_DATA, "", (), ALL - {"data"}),
    (OLD, zero_the_index_of_the_chunks, [], "unreadable", range(ROWS), ALL),
    (NEW, zero_the_fixed_array, [], "unreadable", range(ROWS), ALL),
    (NEW, zero_the_pages_of_the_fixed_array, [], "unreadable", range(ROWS), ALL),
    (OLD, lead_a_chunk_behind_the_end, [], "unreadable", THIRD, ALL),
    (OLD, lead_a_chunk_to_another, [], "checksum", THIRD, ALL),
    (OLD, flip_a_bit_in_a_chunk, [], "checksum", THIRD, ALL),
    (NEW, flip_a_bit_in_a_chunk, [], "checksum", THIRD, ALL),
    (OLD, zero_a_chunk, [], "checksum", THIRD, ALL),
    (("earliest", {"compression": "gzip", "shuffle": True}), flip_a_bit_in_a_chunk, [], "checksum", THIRD, ALL),
    (("earliest", {"fletcher32": True}), flip_a_bit_in_a_chunk, [], "checksum", THIRD, ALL),
    (("earliest", {"compression": "lzf"}), zero_a_chunk, [], "unreadable", THIRD, ALL),
    (OLD, zero_the_words, [("unreadable", "/more/words: ")], "", (), ALL - {"words"}),
    (
        OLD, cut_within_the_last_chunk,
        [
            ("truncated-store", "the file ends at "),
            ("truncated-store", "/label cannot be opened: the bytes "),
            ("truncated-store", "/more cannot be opened: the bytes "),
        ],
        "truncated-store", range(56, 64), {"data"},
    ),
    (
        OLD, cut_the_last_byte,
        [
            ("truncated-store", "bytes, 1 are lost"),
            ("truncated-store", "/more/words: the bytes "),
        ],
        "", (), ALL - {"words"},
    ),
]  # fmt: skip


def broken(path, how, damage):
    libver, filters = how
    write(path, libver, **filters)
    file = Raw(path)
    damage(file)
    file.save()
    return path


def content(path):
    """Return the values of the data and of the labels, None where they are gone, and whether the words are there."""
    with h5py.File(path) as file:
        return {
            name: file[at][:]
            for name, at in (("data", "data"), ("label", "label"), ("words", "more/words"))
            if at in file
        }


@pytest.mark.parametrize(
    ("how", "damage", "of_file", "code", "lost", "left"), DAMAGES, ids=lambda it: getattr(it, "__name__", "")
)
def test_a_file_of_which_one_thing_is_broken(tmp_path, how, damage, of_file, code, lost, left):
    path = broken(tmp_path / "store.h5", how, damage)
    before = fingerprint(path)
    report = datacheck.scan(path, workers=1)
    findings = list(report.findings)
    said = [(it.code, it.message) for it in findings if it.key is None]
    assert [(it, words in message) for (it, message), (_, words) in zip(said, of_file, strict=True)] == [
        (expected, True) for expected, _ in of_file
    ]
    assert [(it.key, it.code, it.field) for it in findings if it.key is not None] == [
        (f"/[{row}]", code, "data") for row in lost
    ]
    assert (report.status, report.complete, report.checked) == (1, True, ROWS)
    receipt = datacheck.rebuild(path, tmp_path / "copy.h5", drop_bad=True, workers=1)
    stay = [row for row in range(ROWS) if row not in lost]
    if not stay:  # a copy of nothing is none
        assert (receipt.written, (tmp_path / "copy.h5").exists()) == (False, False)
        return
    copy = content(tmp_path / "copy.h5")
    assert set(copy) == left
    if "data" in left:
        assert copy["data"].tobytes() == VALUES[stay].tobytes()
    if "label" in left:
        assert copy["label"].tolist() == LABELS[stay].tolist()
    assert (receipt.kept, receipt.dropped) == (len(stay), len(lost))
    assert [it.code for it in receipt.lost] == [it for it, _ in of_file]
    assert fingerprint(path) == before


@pytest.mark.parametrize(
    ("how", "damage", "words"),
    [
        (OLD, lead_the_root_behind_the_end, "the header of the root group is lost"),
        (NEW, lead_the_root_behind_the_end, "the header of the root group is lost"),
        (OLD, zero_the_header_of_the_root, "the header of the root group is lost"),
        (OLD, zero_the_names_of_the_root, "of the links of / are lost"),
        (OLD, zero_the_tree_of_the_root, "the index of the links of / is damaged; all "),
    ],
)
def test_a_file_whose_root_cannot_be_read_is_bad_and_all_below_it_is_copied(tmp_path, how, damage, words):
    path = broken(tmp_path / "store.h5", how, damage)
    report = datacheck.scan(path, workers=1)
    assert "damaged-store" in [it.code for it in report.findings if words in it.message]
    assert report.status == 1
    assert datacheck.rebuild(path, tmp_path / "copy.h5", drop_bad=True, workers=1).written
    with h5py.File(tmp_path / "copy.h5") as copy:
        held = []
        copy.visititems(lambda _, it: held.append(it[()].tobytes()) if isinstance(it, h5py.Dataset) else None)
    assert VALUES.tobytes() in held
    assert LABELS.tobytes() in held


def test_a_filter_that_is_not_installed_is_no_fault_of_the_data(tmp_path):
    path = broken(tmp_path / "store.h5", OLD, name_a_filter_that_nobody_has)
    report = datacheck.scan(path, workers=1)
    (finding,) = report.findings
    assert (finding.code, finding.verdict, finding.key) == ("missing-filter", "unverifiable", None)
    assert "/data needs the HDF5 filter 31999 (deflate), which is not installed" in finding.message
    assert report.status == 3
    assert datacheck.rebuild(path, tmp_path / "copy.h5").written
    assert (tmp_path / "copy.h5").read_bytes() == path.read_bytes()


def test_values_that_no_checksum_covers_are_what_the_file_says(tmp_path):
    path = broken(tmp_path / "store.h5", ("earliest", {}), flip_a_bit_in_a_chunk)
    assert datacheck.scan(path, workers=1).status == 0
    changed = broken(tmp_path / "zero.h5", ("earliest", {}), zero_a_chunk)
    report = datacheck.scan(changed, workers=1)
    assert [(it.key, it.code) for it in report.findings] == [(f"/[{row}]", "constant") for row in THIRD]


@pytest.mark.parametrize(
    "how", [OLD, NEW, ("v108", {"compression": "lzf"}), ("earliest", {}), ("latest", {"shuffle": True})]
)
def test_a_sound_file_is_clean_and_copied_byte_for_byte(tmp_path, how):
    path = broken(tmp_path / "store.h5", how, lambda file: None)
    assert datacheck.scan(path, workers=1).status == 0
    datacheck.rebuild(path, tmp_path / "copy.h5", workers=1)
    assert (tmp_path / "copy.h5").read_bytes() == path.read_bytes()

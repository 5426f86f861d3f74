"""Chunks and datasets whose place, size or filter mask in the file cannot be true, though the library reads them."""

from __future__ import annotations

import struct
import zlib
from itertools import pairwise

import h5py
import numpy as np
import pytest

from datacheck import rebuild, scan

ROWS, CHUNK = 60, 2
NBYTES, MASK, CHILD = 0, 4, 32
"""Where these are in an entry of the version 1 B-tree of a dataset of two dimensions."""


def made(path, width=3, **options):
    """Write a dataset whose values tell their row; return the file's bytes."""
    values = np.arange(1, ROWS * width + 1, dtype="f4").reshape(ROWS, width)
    values = values if width == 3 else values // width + 1  # of which compression leaves little
    with h5py.File(path, "w", libver="earliest") as file:
        file.create_dataset("data", data=values, chunks=(CHUNK, width), **options)
        file["label"] = np.arange(ROWS) % 3
    return bytearray(path.read_bytes())


def entries(raw):
    """Return where each entry of the version 1 B-tree of the only dataset with chunks is."""
    at = raw.index(b"TREE\x01\x00")
    used = struct.unpack_from("<H", raw, at + 6)[0]
    return [at + 24 + number * (8 + 3 * 8 + 8) for number in range(used)]


def number(raw, at, form):
    return struct.unpack_from(form, raw, at)[0]


def bad(path):
    """Return the code of each record that is bad by its key."""
    report = scan(path, workers=1)
    return {it.key: it.code for it in report.findings if it.verdict == "bad"}


def rows(*numbers):
    return {f"/[{it}]" for it in numbers}


OPTIONS = {
    "plain": {},
    "gzip": {"compression": "gzip"},
    "all three": {"compression": "gzip", "shuffle": True, "fletcher32": True},
    "lzf": {"compression": "lzf"},
}
every_option = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)


@every_option
def test_two_chunks_at_one_address_are_both_named(tmp_path, options):
    path = tmp_path / "a.h5"
    raw = made(path, **options)
    at = entries(raw)
    raw[at[7] : at[7] + 4] = raw[at[3] : at[3] + 4]
    raw[at[7] + CHILD : at[7] + 40] = raw[at[3] + CHILD : at[3] + 40]
    path.write_bytes(raw)
    assert bad(path) == dict.fromkeys(rows(6, 7, 14, 15), "damaged-store")
    rebuild(path, tmp_path / "copy.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "copy.h5") as file:
        assert len(file["data"]) == ROWS - 4
    assert bad(tmp_path / "copy.h5") == {}


def test_a_chunk_that_begins_within_another_is_named(tmp_path):
    path = tmp_path / "a.h5"
    raw = made(path)
    at = entries(raw)
    struct.pack_into("<Q", raw, at[7] + CHILD, number(raw, at[3] + CHILD, "<Q") + 12)
    path.write_bytes(raw)
    found = bad(path)
    assert rows(6, 7, 14, 15) <= set(found)
    assert set(found) <= rows(6, 7, 14, 15, 8, 9)


def test_chunks_of_two_datasets_at_one_address_are_named(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", libver="earliest") as file:
        for name in ("a", "b"):
            values = np.random.default_rng(ord(name)).random((8, 3), np.float32)
            file.create_dataset(name, data=values, chunks=(2, 3))
        places = [file[name].id.get_chunk_info(2).byte_offset for name in ("a", "b")]
    raw = path.read_bytes()
    assert raw.count(struct.pack("<Q", places[1])) == 1
    path.write_bytes(raw.replace(struct.pack("<Q", places[1]), struct.pack("<Q", places[0])))
    assert bad(path) == dict.fromkeys(rows(4, 5), "damaged-store")


@pytest.mark.parametrize("size", [8, 23, 25, 4096])
def test_an_unfiltered_chunk_of_another_size_than_its_values_take_is_named(tmp_path, size):
    path = tmp_path / "a.h5"
    raw = made(path)
    struct.pack_into("<I", raw, entries(raw)[7] + NBYTES, size)
    path.write_bytes(raw)
    assert rows(14, 15) <= set(bad(path))


@pytest.mark.parametrize("rows_there", [1, 3])
@pytest.mark.parametrize("kind", ["numbers", "texts"])
def test_a_gzip_chunk_that_inflates_to_another_size_is_named(tmp_path, rows_there, kind):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        if kind == "numbers":
            data = file.create_dataset("data", (8, 3), "f4", chunks=(2, 3), compression="gzip")
            data[...] = np.arange(24).reshape(8, 3)
            held = np.arange(3 * rows_there, dtype="f4").tobytes()
        else:
            data = file.create_dataset("data", (8,), h5py.string_dtype(), chunks=(2,), compression="gzip")
            data[...] = [f"text {it}" for it in range(8)]
            _, stored = data.id.read_direct_chunk((4,))
            held = (zlib.decompress(stored) * 2)[: 16 * rows_there]
        data.id.write_direct_chunk((4, 0)[: data.ndim], zlib.compress(held))
    found = bad(path)
    assert set(found) in (rows(4, 5), {"/data[4]", "/data[5]"})


def test_a_gzip_chunk_of_a_dataset_that_is_one_record_has_its_size_checked(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for it in range(20):
            shape = (8 + it, 3)
            values = np.random.default_rng(it).random(shape)
            file.create_dataset(f"protein_{it:02}", data=values, chunks=(8, 3), compression="gzip")
        file["protein_07"].id.write_direct_chunk((0, 0), zlib.compress(np.ones((9, 3)).tobytes()))
    assert list(bad(path)) == ["/protein_07"]


@pytest.mark.parametrize("name", ["gzip", "all three", "lzf"])
def test_a_mask_that_skips_the_compression_of_a_compressed_chunk_is_named(tmp_path, name):
    path = tmp_path / "a.h5"
    raw = made(path, width=64, **OPTIONS[name])
    at = entries(raw)[7]
    struct.pack_into("<I", raw, at + MASK, 0b111 if name == "all three" else 1)
    path.write_bytes(raw)
    assert set(bad(path)) == rows(14, 15)


def test_a_mask_that_skips_the_checksum_that_is_there_is_named(tmp_path):
    path = tmp_path / "a.h5"
    raw = made(path, fletcher32=True)
    struct.pack_into("<I", raw, entries(raw)[7] + MASK, 1)
    path.write_bytes(raw)
    assert set(bad(path)) == rows(14, 15)


@pytest.mark.parametrize("address", [2**64 - 1, 0, 40, 1 << 40])
@every_option
def test_a_chunk_at_no_place_of_the_file_or_within_its_superblock_is_named(tmp_path, options, address):
    path = tmp_path / "a.h5"
    raw = made(path, **options)
    struct.pack_into("<Q", raw, entries(raw)[7] + CHILD, address)
    path.write_bytes(raw)
    assert set(bad(path)) == rows(14, 15)


def contiguous(path):
    with h5py.File(path, "w", libver="earliest") as file:
        file["data"] = np.arange(1, 301, dtype="f4").reshape(100, 3)
        file["label"] = np.arange(100) % 3
        return file["data"].id.get_offset(), h5py.h5o.get_info(file["label"].id).addr


@pytest.mark.parametrize("target", ["superblock", "header"])
def test_contiguous_values_within_the_superblock_or_a_header_are_lost(tmp_path, target):
    path = tmp_path / "a.h5"
    offset, header = contiguous(path)
    raw = path.read_bytes()
    assert raw.count(struct.pack("<QQ", offset, 1200)) == 1
    wrong = 24 if target == "superblock" else header - 36
    path.write_bytes(raw.replace(struct.pack("<QQ", offset, 1200), struct.pack("<QQ", wrong, 1200)))
    found = bad(path)
    first = 0 if target == "superblock" else 3
    assert f"/[{first}]" in found
    assert f"/[{first - 1}]" not in found
    assert found[f"/[{first}]"] == "damaged-store"


def test_sound_files_that_look_like_that(tmp_path):
    path = tmp_path / "a.h5"
    raw = made(path)
    places = sorted(number(raw, it + CHILD, "<Q") for it in entries(raw))
    assert any(after - before == 24 for before, after in pairwise(places))  # side by side
    assert bad(path) == {}


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_space_that_was_deleted_and_used_again_is_sound(tmp_path, libver):
    path = tmp_path / "a.h5"
    values = np.random.default_rng(0).random((200, 8))
    with h5py.File(path, "w", libver=libver) as file:
        for turn in range(6):
            if turn:
                del file["data"], file["flat"]
            options = {"compression": "gzip"} if turn % 2 else {"maxshape": (None, None)}
            file.create_dataset("data", data=values[: 100 + turn * 20], chunks=(3, 5), **options)
            file["flat"] = values[: 100 + turn * 20]
        file["again"] = file["flat"]
        file["soft"] = h5py.SoftLink("/data")
    with h5py.File(path, "r+") as file:
        file["data"].resize((200, 8)) if file["data"].maxshape[0] is None else None
        file["data"][:50] = 0
    assert bad(path) == {}


@pytest.mark.parametrize("fletcher", [False, True])
def test_a_filter_that_was_left_out_is_sound(tmp_path, fletcher):
    path = tmp_path / "a.h5"
    values = np.random.default_rng(0).random((ROWS, 3), np.float32)
    with h5py.File(path, "w") as file:
        data = file.create_dataset("data", (ROWS, 3), "f4", chunks=(CHUNK, 3), compression="gzip", fletcher32=fletcher)
        data[...] = values
        data.id.write_direct_chunk((4, 0), values[4:6].tobytes(), 3 if fletcher else 1)
        file.create_dataset("small", data=values[:, :1], chunks=(CHUNK, 1), compression="lzf")  # grows: left out
    with h5py.File(path) as file:
        assert file["small"].id.get_chunk_info(0).filter_mask == 1
    assert bad(path) == {}


@pytest.mark.parametrize("options", [{"fletcher32": True}, {"compression": "gzip"}])
def test_partial_chunks_at_the_edge_that_are_not_filtered_are_sound(tmp_path, options):
    path = tmp_path / "a.h5"
    created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    created.set_chunk((4, 2))
    if "fletcher32" in options:
        created.set_fletcher32()
    else:
        created.set_deflate(4)
    if not hasattr(created, "set_chunk_opts"):
        pytest.skip("this h5py cannot leave the chunks at the edge unfiltered")
    created.set_chunk_opts(h5py.h5d.CHUNK_DONT_FILTER_PARTIAL_CHUNKS)
    with h5py.File(path, "w", libver="latest") as file:
        space = h5py.h5s.create_simple((10, 3))
        data = h5py.Dataset(h5py.h5d.create(file.id, b"data", h5py.h5t.IEEE_F32LE, space, created))
        data[...] = np.arange(30).reshape(10, 3)
    assert bad(path) == {}


@pytest.mark.parametrize("userblock", [0, 512])
def test_values_of_variable_length_in_chunks_and_a_user_block_are_sound(tmp_path, userblock):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", userblock_size=userblock) as file:
        texts = file.create_dataset("text", (50,), h5py.string_dtype(), chunks=(4,), compression="gzip")
        texts[...] = [f"text {it}" for it in range(50)]
        plain = file.create_dataset("plain", (50,), h5py.string_dtype(), chunks=(7,))
        plain[...] = [f"text {it}" for it in range(50)]
        file["label"] = np.arange(50) % 3
    assert bad(path) == {}


def test_a_chunk_that_fails_its_checksum_says_nothing_against_the_one_whose_place_it_has(tmp_path):
    path = tmp_path / "a.h5"
    raw = made(path, compression="gzip", fletcher32=True)
    at = entries(raw)
    struct.pack_into("<I", raw, at[7], number(raw, at[3], "<I") - 3)
    raw[at[7] + CHILD : at[7] + 40] = raw[at[3] + CHILD : at[3] + 40]
    path.write_bytes(raw)
    assert bad(path) == dict.fromkeys(rows(14, 15), "checksum")


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_chunks_that_were_never_written_between_others_are_sound(tmp_path, libver):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", libver=libver) as file:
        extents = {"fixed": (60, 3), "growing": (None, 3), "both": (None, None)}
        for name, most in extents.items():
            data = file.create_dataset(name, (60, 3), "f4", chunks=(2, 3), compression="gzip", maxshape=most)
            data[4:8] = 1
            data[20:21] = 0
            data[50:58] = 2
    assert bad(path) == {}

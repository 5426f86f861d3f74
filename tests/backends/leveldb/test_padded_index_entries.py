"""Test index entries that zero bytes follow, as the Java port of LevelDB writes them: a handle in 20 bytes."""

import leveldb_building
import pytest
from leveldb_building import BLOCKS, block, pairs, scanned, sealed, varint, write_store

from datacheck.backends.leveldb.block import handle, handles

WIDTH = 20
FOOTER = 48


def write_with_padding(path, padding):
    """Write a store of one table whose index entries end with `padding`."""
    write_store(path, {5: (1, BLOCKS)})
    file = path / "000005.ldb"
    index, out = [], b""
    for records in BLOCKS:
        body = sealed(block(records))
        entry = varint(len(out)) + varint(len(body) - 5)
        index.append((records[-1][0], entry + padding(entry)))
        out += body
    meta, last = sealed(block([])), sealed(block(index, 1))
    places = varint(len(out)) + varint(len(meta) - 5) + varint(len(out + meta)) + varint(len(last) - 5)
    data = out + meta + last + places.ljust(FOOTER - 8, b"\0") + leveldb_building.MAGIC
    manifest = leveldb_building.edit({5: (len(data), BLOCKS[0][0][0], BLOCKS[-1][-1][0], 1)}, 3)
    file.write_bytes(data)
    (path / "MANIFEST-000002").write_bytes(leveldb_building.write_log([manifest]))
    return path


def test_padded_entries_lead_to_their_blocks(tmp_path):
    path = write_with_padding(tmp_path / "db", lambda entry: bytes(WIDTH - len(entry)))
    findings, found, left = scanned(path)
    assert (findings, found, left) == ([], [], pairs((0, 30)))


def test_damage_behind_padded_entries_is_found(tmp_path):
    path = write_with_padding(tmp_path / "db", lambda entry: bytes(WIDTH - len(entry)))
    leveldb_building.flip(path / "000005.ldb", 30)
    _, found, left = scanned(path)
    assert ([it.code for it in found], left) == (["checksum"], pairs((10, 30)))


@pytest.mark.parametrize("tail", [b"\1", b"\0\0\7"])
def test_other_bytes_behind_an_entry_are_damage(tmp_path, tail):
    path = write_with_padding(tmp_path / "db", lambda entry: tail)
    (finding,), _, _ = scanned(path)
    assert "has a broken index" in finding.message
    values = [varint(7) + varint(8) + tail]
    assert handles(values) == [handle(values[0])] == [None]

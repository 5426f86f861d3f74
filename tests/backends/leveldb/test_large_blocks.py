"""Test reading large blocks together: the records are the same as one by one, on sound and on broken blocks."""

import random

import pytest
from leveldb_building import flip, internal, scanned, write_store

from datacheck.backends.leveldb import many_blocks
from datacheck.backends.leveldb.block import Damaged
from datacheck.backends.leveldb.large_blocks import singles
from datacheck.backends.leveldb.table_files import open_table
from datacheck.backends.leveldb.version import read_version


def tables_of(chance, large):
    """Return three overlapping tables of a level, with blocks of large values and some that are not plain."""
    tables = {}
    for file in (5, 6, 7):
        rows = sorted({(b"%06d" % chance.randrange(200_000), -chance.randrange(1, 900)) for _ in range(120)})
        blocks, at = [], 0
        while at < len(rows):
            count = chance.choice([1, 1, 1, 1, 1, 1, 2, 5])
            size = chance.choice(large)
            some = rows[at : at + count]
            blocks.append(
                [(internal(key, -seq, int(chance.random() < 0.95)), chance.randbytes(size)) for key, seq in some]
            )
            at += count
        tables[file] = (0, blocks)
    return tables


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize("damaged", [False, True])
def test_a_store_is_read_the_same_with_and_without(tmp_path, monkeypatch, kind, damaged):
    chance = random.Random(10 * kind + damaged)
    taken = []

    def counted(*args):
        for count, entries in singles(*args):
            taken.append(count if not isinstance(entries, int) else 0)
            yield count, entries

    monkeypatch.setattr(many_blocks, "singles", counted)
    for number in range(6):
        path = write_store(tmp_path / f"db{number}", tables_of(chance, [900, 17_000, 40_000, 140_000]), kind=kind)
        for _ in range(4 * damaged):
            flip(path / "000006.ldb", chance.randrange((path / "000006.ldb").stat().st_size))
        said = []
        for most in (128, 1):
            monkeypatch.setattr(many_blocks, "MOST_BLOCKS", most)
            opened, found, left = scanned(path)
            said.append((opened, sorted(found, key=lambda it: (it.message, it.key)), left))
        assert said[0] == said[1]
    assert bool(sum(taken)) == (kind == 0)
    assert 0 in taken


def test_each_block_is_plain_only_where_the_plain_way_says_the_same(tmp_path):
    """Any byte of a block of one record may be wrong: in its key, its lengths, its restart point or its trailer."""
    chance = random.Random(3)
    rows = [(internal(b"%06d" % number, number + 1), chance.randbytes(20_000)) for number in range(40)]
    seen = {True: 0, False: 0}
    for number in range(40):
        path = write_store(tmp_path / f"db{number}", {5: (0, [[row] for row in rows])}, kind=0)
        if number:
            raw = bytearray((path / "000005.ldb").read_bytes())
            for _ in range(12):
                block = chance.randrange(40)
                begin = block * (len(raw) // 41)
                place = chance.choice([begin + chance.randrange(40), chance.randrange(len(raw) - 4000)])
                raw[place] = chance.randrange(256)
            (path / "000005.ldb").write_bytes(raw)
        version = read_version(path)
        (file,) = version.tables.values()
        table = open_table(path, file)
        with (path / "000005.ldb").open("rb") as opened:
            for start in (0, 13):
                at = start
                for count, entries in singles(table, opened.fileno, range(start, len(table))):
                    if isinstance(entries, int):
                        assert (count, entries) == (1, at)
                        with pytest.raises(Damaged):
                            table.read(opened.fileno(), at)
                    else:
                        plainly = [table.read(opened.fileno(), it) for it in range(at, at + count)]
                        assert entries[0] == [key for of in plainly for key in of[0]]
                        assert entries[1].tolist() == [tag for of in plainly for tag in of[1].tolist()]
                        assert [*map(bytes, entries[2])] == [bytes(value) for of in plainly for value in of[2]]
                    seen[not isinstance(entries, int)] += count
                    at += count
                assert at == len(table)
    assert min(seen.values()) > 100


def test_a_file_that_was_cut_is_left_to_the_plain_way(tmp_path):
    rows = [(internal(b"%06d" % number, number + 1), bytes(20_000)) for number in range(10)]
    path = write_store(tmp_path / "db", {5: (0, [[row] for row in rows])}, kind=0)
    (file,) = read_version(path).tables.values()
    table = open_table(path, file)
    with (path / "000005.ldb").open("r+b") as opened:
        opened.truncate(70_000)
        assert list(singles(table, opened.fileno, range(10))) == [(1, at) for at in range(10)]


def test_a_file_that_cannot_be_opened_is_left_to_the_plain_way(tmp_path):
    rows = [(internal(b"%06d" % number, number + 1), bytes(20_000)) for number in range(3)]
    path = write_store(tmp_path / "db", {5: (0, [[row] for row in rows])}, kind=0)
    (file,) = read_version(path).tables.values()

    def no_file():
        raise Damaged("unreadable", "cannot be opened")

    assert list(singles(open_table(path, file), no_file, range(3))) == [(1, 0), (1, 1), (1, 2)]

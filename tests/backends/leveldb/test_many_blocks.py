"""Test reading many blocks of a table at once: the records are the same as one by one, on sound and broken blocks."""

import random

import pytest
from leveldb_building import block, flip, internal, scanned, write_store

from datacheck.backends.leveldb import many_blocks
from datacheck.backends.leveldb.block import Damaged, parse_block
from datacheck.backends.leveldb.many_blocks import walk
from datacheck.backends.leveldb.table import Table


def made(chance, count, key_bytes, value_sizes, interval=16):
    """Return a block of random records, and the user keys, tags and values in it."""
    keys = sorted({bytes(chance.choice(b"abc\0\xff") for _ in range(chance.choice(key_bytes))) for _ in range(count)})
    records = [(key, chance.randrange(1 << 20), chance.randbytes(chance.choice(value_sizes))) for key in keys]
    content = block([(internal(key, number), value) for key, number, value in records], interval)
    return content, [(key, number << 8 | 1, value) for key, number, value in records]


SHAPES = {
    "equal": ([12], [15]),
    "of several lengths": (range(1, 40), range(30)),
    "empty ones too": ([0, 1, 2, 3, 9], [0]),
    "long": (range(60, 110), [0, 127, 128, 129, 500, 1023]),
}


@pytest.mark.parametrize("interval", [1, 3, 16, 40])
@pytest.mark.parametrize("shape", SHAPES)
def test_sound_blocks_are_plain_and_hold_what_was_written(shape, interval):
    chance = random.Random(interval)
    blocks = [made(chance, chance.randrange(1, 200), *SHAPES[shape], interval) for _ in range(70)]
    records = walk([content for content, _ in blocks])
    assert all(records.plain)
    for place, (_, written) in enumerate(blocks):
        users, tags, values = records.between(place, place + 1)
        assert list(zip(users, tags.tolist(), values, strict=True)) == written


def test_what_is_not_plain_is_left_to_the_plain_way():
    chance = random.Random(5)
    of = made(chance, 100, [12], [15])[0]
    odd = {
        "a long value": block([(internal(b"a"), bytes(1024))]),
        "a long key": block([(internal(bytes(120)), b"")]),
        "a key without a tag": block([(b"short", b"")]),
        "keys out of order": block([(internal(b"b"), b""), (internal(b"a"), b"")]),
        "a key twice": block([(internal(b"a", 9), b""), (internal(b"a", 8), b"")]),
        "a long run": block([(internal(b"%03d" % number), b"") for number in range(100)], 100),
        "a restart point within a record": block([(internal(b"a"), b"")])[:-8] + b"\3\0\0\0\1\0\0\0",
        "no restart point": bytes(4),
        "nothing": b"",
    }
    records = walk([*[of] * 20, *odd.values(), of])
    assert dict(zip(odd, records.plain[20:], strict=False)) == dict.fromkeys(odd, False)
    assert all(records.plain[:20])
    assert records.plain[-1]


def test_broken_blocks_are_plain_only_where_the_plain_way_says_the_same():
    chance = random.Random(6)
    seen = {True: 0, False: 0}
    for _ in range(60):
        contents = []
        for _ in range(40):
            content = bytearray(made(chance, chance.randrange(1, 80), range(12), range(20), chance.choice([2, 16]))[0])
            for _ in range(chance.choice([0, 1, 3])):
                content[chance.randrange(len(content))] = chance.choice([0, 1, 127, 128, 255, chance.randrange(256)])
            if chance.random() < 0.1:
                del content[chance.randrange(len(content)) :]
            contents.append(bytes(content))
        records = walk(contents)
        for place, content in enumerate(contents):
            seen[records.plain[place]] += 1
            users, tags, values = records.between(place, place + 1)
            if not records.plain[place]:
                assert not users
                continue
            keys, expected = parse_block(content, len(content))
            table = Table(None, [b"", b"\xff" * 20], [0], [len(content)])
            assert values == expected
            assert [user + tag.to_bytes(8, "little") for user, tag in zip(users, tags.tolist(), strict=True)] == [
                key[:-1] + bytes([key[-1] & 0x7F]) for key in keys
            ]
            plainly = table.parse(0, (content, len(content)))
            assert (users, tags.tolist(), values) == (plainly[0], plainly[1].tolist(), plainly[2])
    assert min(seen.values()) > 300


def test_a_store_is_read_the_same_with_and_without(tmp_path, monkeypatch):
    """Compare whole stores: blocks that contradict the index, keys that span two blocks, damage, several tables."""
    chance = random.Random(7)
    walked = []

    def counted(contents):
        walked.append(walk(contents))
        return walked[-1]

    monkeypatch.setattr(many_blocks, "walk", counted)
    for number in range(12):
        tables = {}
        for file in (5, 6, 7):
            rows = sorted({(b"%06d" % chance.randrange(200_000), -chance.randrange(1, 900)) for _ in range(4000)})
            entries = [(internal(at, -seq, int(chance.random() < 0.99)), chance.randbytes(9)) for at, seq in rows]
            tables[file] = (0, [entries[at : at + 90] for at in range(0, len(entries), 90)])
        path = write_store(tmp_path / f"db{number}", tables, kind=number % 3)
        if number % 2:
            flip(path / "000006.ldb", chance.randrange(20_000))
        said = []
        for first, most in ((2, 128), (1, 1)):
            monkeypatch.setattr(many_blocks, "FIRST_BLOCKS", first)
            monkeypatch.setattr(many_blocks, "MOST_BLOCKS", most)
            opened, found, left = scanned(path)
            said.append((opened, sorted(found, key=lambda it: (it.message, it.key)), left))
        assert said[0] == said[1]
    plain = [value for it in walked for value in it.plain]
    assert plain.count(True) > 400
    assert any(len(set(it.plain)) == 2 for it in walked)


def test_the_plain_way_raises_where_the_quick_one_gives_up():
    content = block([(internal(b"b"), b""), (internal(b"a"), b"")])
    table = Table(None, [b"", b"z"], [0], [len(content)])
    with pytest.raises(Damaged, match="out of order"):
        table.parse(0, (content, len(content)))

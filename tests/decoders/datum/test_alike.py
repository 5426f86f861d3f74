"""Test records that are alike: judged all at once, they get the same findings as one by one."""

import random

import numpy as np
import pytest
from building import datum, floats, pictures, pixels
from covering import seeds
from stepping import ended

from datacheck.decoders.datum.alike import decode_alike
from datacheck.decoders.datum.decoder import DatumDecoder
from datacheck.decoders.one_by_one import decode_each
from datacheck.model.batch import Batch, SeparateArrays
from datacheck.model.blocks import Block
from datacheck.model.equal_lengths import EqualLengths
from datacheck.model.profile import FamilyProfile, FieldProfile

PROFILE = FamilyProfile(
    "datum", 64, {"data": FieldProfile((3, 8, 8), "uint8", "", 1.0), "label": FieldProfile((), "int64", "Datum", 1.0)}
)


def told(items):
    """Return the contents of all batches and findings, by row."""
    rows = {}
    for item in items:
        if not isinstance(item, Batch):
            row, finding = item
            rows.setdefault(row, []).append(repr(finding))
            continue
        for at, row in enumerate(item.rows):
            value = np.asarray(item.values[at])
            said = (item.field, item.format, item.label, value.shape, value.dtype.str, value.tobytes(), item.expected)
            rows.setdefault(row, []).append(repr(said))
        for row in item.absent:
            rows.setdefault(row, []).append(f"no {item.field}")
    return {row: sorted(of) for row, of in rows.items()}


def stacked(values, apart):
    """Return values of one length as rows of an array, with `apart` bytes between them."""
    length = len(values[0])
    rows = np.full((len(values), length + apart), 0xA5, np.uint8)
    rows[:, :length] = np.frombuffer(b"".join(values), np.uint8).reshape(-1, length)
    return EqualLengths(rows[:, :length])


def same(values):
    forms = [values]
    if len(set(map(len, values))) == 1:
        forms += [stacked(values, 0), stacked(values, 21)]
    rows = range(len(values))
    plain = told(decode_each(DatumDecoder().read, Block([b""] * len(values), values), rows, PROFILE))
    for form in forms:
        block = Block([b"%d" % number for number in range(len(values))], form)
        assert told(DatumDecoder().decode(block, rows, PROFILE)) == plain
        some = [row for row in rows if row % 5]
        of_some = {row: said for row, said in plain.items() if row % 5}
        assert told(DatumDecoder().decode(block, some, PROFILE)) == of_some
    return plain


def left(values):
    """Return the rows that are left to be decoded one by one."""
    steps = decode_alike(Block([b""] * len(values), values), range(len(values)), PROFILE)
    return list(ended(steps))


@pytest.mark.parametrize(
    "made",
    [
        lambda n: datum(pixels(n), n % 100),
        lambda n: datum(pixels(n), -n - 1),
        lambda n: datum(pixels(n), 200 + n),
        lambda n: datum(pixels(n), (1 << 31) - 1 - n),
        lambda n: datum(pixels(n), None),
        lambda n: datum(floats(n), n),
        lambda n: datum(floats(n, (3, 20, 20)), n),
        lambda n: datum(floats(n, (3, 90, 90)), n),
        lambda n: datum(pixels(n, (3, 200, 200)), n),
        lambda n: datum(pixels(n), n)[:-30],
        lambda n: datum(pixels(n, (3, 200, 200)), n)[:70_000],
        lambda n: datum(pixels(n), n, shape=(3, 9, 8)),
        lambda n: datum(pixels(n), n, shape=(0, 8, 8)),
    ],
    ids=lambda made: "",
)
@pytest.mark.parametrize("view", [bytes, memoryview])
def test_records_alike_are_judged_at_once_as_one_by_one(made, view):
    values = [view(made(number)) for number in range(20)]
    assert len(same(values)) == 20
    assert left(values) == []


def test_what_is_not_alike_is_left_to_the_plain_way():
    values = [datum(pixels(number), number) for number in range(20)]
    values[7] = values[7][:-1] + b"\x01"  # marked as encoded
    values[9] = values[9][:1] + b"\x04" + values[9][2:]  # of four channels
    values[12] = b""
    assert left([value for value in values if value]) == [7, 9]
    same([value for value in values if value])


def test_a_label_beyond_32_bits_is_not_taken_for_a_label():
    values = [datum(pixels(number), (1 << 31) - 2 + number) for number in range(4)]
    values += [datum(pixels(number), (1 << 31) - 1) for number in range(20)]
    assert [row for row, said in same(values).items() if "undecodable" in str(said) or "trailing" in str(said)] == [
        2,
        3,
    ]


def test_pictures_that_lost_their_mark_are_hinted_at():
    picture = pictures()[0]
    values = [datum(picture, number) for number in range(10)]
    assert all("a JPEG that is not marked as encoded" in str(said) for said in same(values).values())


def test_large_records_are_not_copied():
    values = [memoryview(datum(pixels(number, (3, 200, 200)), number)) for number in range(10)]
    block = Block([b""] * 10, values)
    (data,) = (it for it in DatumDecoder().decode(block, range(10), PROFILE) if it.field == "data")
    assert isinstance(data.values, SeparateArrays)
    assert all(np.shares_memory(data.values[row], np.frombuffer(values[row], np.uint8)) for row in range(10))
    assert [batch.values.shape for batch in data.apart()] == [(1, 3, 200, 200)] * 10
    np.testing.assert_array_equal(data.lows, [pixels(number, (3, 200, 200)).min() for number in range(10)])


@pytest.mark.parametrize("flawed", [None, 4])
def test_large_records_in_one_array_are_not_copied_either(flawed):
    values = [datum(pixels(number, (3, 200, 200)), number) for number in range(10)]
    if flawed is not None:
        values[flawed] = values[flawed][:-1] + b"\x01"  # marked as encoded
    together = stacked(values, 77)
    block = Block([b""] * 10, together)
    batches = [it for it in DatumDecoder().decode(block, range(10), PROFILE) if isinstance(it, Batch)]
    (data,) = (it for it in batches if it.field == "data")
    assert list(data.rows) == [row for row in range(10) if row != flawed]
    for row, record in zip(data.rows, data.values, strict=True):
        assert np.shares_memory(record, together.rows)
        assert data.lows[list(data.rows).index(row)] == pixels(row, (3, 200, 200)).min()


@pytest.mark.parametrize("seed", seeds(16))
def test_random_records_with_random_damage(seed):
    chance = random.Random(seed)
    kinds = [
        lambda n: datum(pixels(n), n % 300),
        lambda n: datum(pixels(n, (1, 4, 4)), -1 if n % 7 == 0 else n),
        lambda n: datum(floats(n, (1, 4, 4)), n),
        lambda n: datum(floats(n, (1, 4, 4)), n, packed=True),
        lambda n: datum(pictures()[0][:300], n, encoded=True),
    ]
    made = chance.sample(kinds, 2)
    values = []
    for number in range(60):
        value = bytearray(chance.choice(made)(number))
        for _ in range(chance.choice([0, 0, 0, 1, 2])):
            what = chance.randrange(4)
            at = chance.randrange(len(value)) if chance.random() < 0.5 else min(chance.randrange(14), len(value) - 1)
            if what == 0:
                value[at] ^= 1 << chance.randrange(8)
            elif what == 1 and at:
                del value[at:]
            elif what == 2:
                value[-1 - chance.randrange(min(6, len(value)))] = chance.randrange(256)
            else:
                value += bytes(chance.randrange(256) for _ in range(chance.randrange(4)))
        values.append(bytes(value))
    same(values)


def test_sound_pictures_that_nobody_asked_to_see_are_unseen_and_all_others_are_as_ever():
    jpegs = pictures()
    values = [datum(jpegs[number % 8], number, encoded=True) for number in range(12)]
    values[3] = datum(jpegs[3][:-40], 3, encoded=True)
    values[5] = datum(jpegs[5], None, encoded=True)
    values[7] = datum(jpegs[7], 7, encoded=True, shape=(3, 9, 9))
    values[8] = datum(jpegs[0], 8, encoded=True, shape=(3, 64, 64))
    block = Block([b""] * 12, values)
    items = list(DatumDecoder().decode(block, range(12), PROFILE, pixels=False))
    pixels_skipped = {row for it in items if isinstance(it, Batch) and it.pixels_skipped for row in it.rows}
    assert pixels_skipped >= set(range(12)) - {3, 5, 7}
    plain = told(decode_each(DatumDecoder().read, block, range(12), PROFILE))
    quick = told(items)
    assert quick.keys() == plain.keys()
    for row, said in plain.items():
        others = [it for it in said if not it.startswith("('data'")]
        assert [it for it in quick[row] if not it.startswith("('data'")] == others

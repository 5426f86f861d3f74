"""Test that layouts found in one block are reused for the next ones, without a change in the findings."""

import json
import pickle
import random

import numpy as np
import pytest
from building import floats
from covering import seeds

from datacheck.decoders.pickles import decoder as of_pickles
from datacheck.decoders.pickles.decoder import PickleDecoder
from datacheck.decoders.trees import layouts
from datacheck.decoders.trees.layouts import Layout, Layouts
from datacheck.decoders.trees.msgpack_decoder import MsgpackDecoder
from datacheck.model.blocks import Block
from datacheck.model.profile import FamilyProfile, FieldProfile
from datacheck.testing.decoders import flipped, spread


def of(at, kind):
    if kind == "labelled":
        return {"x": floats(at, (3, 4)), "y": at % 100}
    if kind == "large":
        return {"x": floats(at, (40, 50)), "name": f"s{at % 1000:03d}"}
    return [floats(at, 12), at / 7]


KINDS = ("labelled", "large", "listed")


def block_of(values):
    return Block([b""] * len(values), values)


def said(decoder, values, profile=None):
    return spread(decoder.decode(block_of(values), range(len(values)), profile))


@pytest.fixture
def walks(monkeypatch):
    """The values whose layout was asked for."""
    asked = []

    def places(value):
        asked.append(value)
        return plain(value)

    plain = of_pickles.places
    monkeypatch.setattr(of_pickles, "places", places)
    return asked


@pytest.mark.parametrize("kind", KINDS)
def test_the_next_block_asks_for_no_layout_again(kind, walks):
    decoder, profile = PickleDecoder(), FamilyProfile("pickle", 24)
    values = [pickle.dumps(of(at, kind), 4) for at in range(10, 70)]
    for start in range(0, 60, 20):
        assert said(decoder, values[start : start + 20], profile) == said(
            PickleDecoder(), values[start : start + 20], profile
        )
    assert len(walks) == 1 + 3, "one for the decoder that goes on, one for each that begins anew"


@pytest.mark.parametrize("seed", seeds(4))
def test_blocks_of_any_records_say_what_they_say_alone(seed):
    chance = random.Random(seed)
    decoder, profile = PickleDecoder(), FamilyProfile("pickle", 24)
    for _ in range(12):
        values = [
            pickle.dumps(of(chance.randrange(10, 90), chance.choice(KINDS)), chance.choice([2, 4]))
            for _ in range(chance.randrange(1, 30))
        ]
        for at in range(len(values)):
            if chance.random() < 0.2:
                values[at] = chance.choice(list(flipped(values[at], 4)))
            elif chance.random() < 0.1:
                values[at] = values[at][: chance.randrange(len(values[at]))]
        assert said(decoder, values, profile) == said(PickleDecoder(), values, profile)


def test_a_fault_in_a_later_block_is_seen():
    decoder, profile = PickleDecoder(), FamilyProfile("pickle", 24)
    values = [pickle.dumps(of(at, "labelled"), 4) for at in range(10, 30)]
    said(decoder, values, profile)
    values[7] = values[7].replace(b"float32", b"float3X").replace(b"f4", b"f3")
    findings = [it for it in decoder.decode(block_of(values), range(20), profile) if isinstance(it, tuple)]
    assert [row for row, _ in findings] == [7]


def test_another_profile_has_layouts_of_its_own():
    values = [pickle.dumps({"x": floats(at, 3), "y": at}, 4) for at in range(10, 30)]
    decoder = PickleDecoder()
    plain = FamilyProfile("pickle", 24)
    labelled = FamilyProfile("pickle", 24, {"y": FieldProfile((), "int64", "", 1.0)})
    for profile in (plain, labelled, plain, None):
        batches = list(decoder.decode(block_of(values), range(20), profile))
        assert said(decoder, values, profile) == said(PickleDecoder(), values, profile)
        expected = {} if profile is None else profile.fields
        assert {it.field: it.expected for it in batches} == {"x": expected.get("x"), "y": expected.get("y")}


def test_what_is_kept_does_not_need_the_memory_of_the_block():
    decoder, profile = PickleDecoder(), FamilyProfile("pickle", 24)
    values = [pickle.dumps({"x": floats(at, (9, 9)), "fixed": "a"}, 4) for at in range(10, 30)]
    held = [bytearray(it) for it in values]
    said(decoder, [memoryview(it) for it in held], profile)
    for it in held:
        it[:] = bytes(len(it))  # like a buffer that is read into again
    assert said(decoder, values, profile) == said(PickleDecoder(), values, profile)


def test_msgpack_keeps_them_too():
    import msgspec

    decoder, profile = MsgpackDecoder(), FamilyProfile("msgpack", 24)
    values = [msgspec.msgpack.encode({"x": [at / 3] * 6, "n": json.dumps(at)}) for at in range(10, 50)]
    for start in (0, 20):
        assert said(decoder, values[start : start + 20], profile) == said(
            MsgpackDecoder(), values[start : start + 20], profile
        )


def made(size, fill=b"a"):
    return Layout(fill * size, np.ones(size, bool), (), ())


def test_few_layouts_are_kept_and_no_large_ones():
    kept = Layouts()
    for at in range(3 * layouts.MOST):
        kept.keep(made(10, bytes([at])))
    assert [it.raw[0] for it in kept.of_size(10)] == [*range(3 * layouts.MOST - 1, 2 * layouts.MOST - 1, -1)]
    kept.keep(made(layouts.MOST_BYTES - 15))
    assert len(kept.of_size(layouts.MOST_BYTES - 15)) == 1
    assert len(kept.of_size(10)) == 1
    kept.keep(made(layouts.MOST_BYTES + 1))
    assert not kept.of_size(layouts.MOST_BYTES + 1)


def test_families_in_turn_keep_theirs(walks):
    decoder = PickleDecoder()
    values = [pickle.dumps(of(at, "labelled"), 4) for at in range(10, 30)]
    profiles = [FamilyProfile("pickle", at) for at in range(layouts.READERS)]
    for _ in range(3):
        for profile in profiles:
            said(decoder, values, profile)
    assert len(walks) == len(profiles)

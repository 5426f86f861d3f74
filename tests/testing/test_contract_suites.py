"""Test that the contract suites fail for what breaks a contract: each is given something that does."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from datacheck import decoders
from datacheck.decoders import Payload
from datacheck.decoders.interface import Field, Reading
from datacheck.decoders.one_by_one import decode_each
from datacheck.model.blocks import Block, Layout, Position, Shard, ignore
from datacheck.model.finding import found
from datacheck.testing.decoders import DecoderContract
from datacheck.testing.engines import EngineContract
from datacheck.testing.readers import ReaderContract
from datacheck.workers.interface import Death
from datacheck.workers.pool import Pool

pytestmark = pytest.mark.own_workers


@dataclass(frozen=True)
class Held:
    """A reader of a list of records that keeps the contract except for `fault`."""

    path: Path
    fault: str = ""
    backend = "held"

    def records(self):
        return [(b"%04d" % number, bytes([number])) for number in range(ReaderContract.count)]

    def layout(self):
        return Layout([Shard()], [Shard()], 7 if self.fault == "count" else len(self.records()), 100)

    def blocks(self, shard, *, limit=None, note=ignore):
        start, stop = shard.start or Position(b""), shard.stop
        if self.fault == "divides":
            stop = None
        chosen = [it for it in self.records() if Position(it[0]) >= start and (not stop or Position(it[0]) < stop)]
        if self.fault == "once":
            chosen = chosen[:1] + chosen
        limit = 16 if limit is None or self.fault == "limit" else limit
        for at in range(0, len(chosen), limit):
            keys, values = zip(*chosen[at : at + limit], strict=True)
            if self.fault != "noted":
                note(Position(keys[0]), True)
            yield Block(keys, values)

    def find(self, key):
        there = self.fault == "found" or key.encode() in dict(self.records())
        return Shard("", Position(key.encode()), Position(key.encode(), 1)) if there else None

    def name(self, shard, place, finding):
        return Block([place.key], [b""]).place(0, finding, None)


READER_TESTS = {
    "count": ReaderContract.test_the_layout_tells_the_truth,
    "divides": ReaderContract.test_a_shard_divides_at_any_place,
    "once": ReaderContract.test_every_record_comes_once_and_in_order,
    "noted": ReaderContract.test_record_by_record_each_place_is_noted_and_has_a_name,
    "found": ReaderContract.test_one_record_is_found_by_its_name,
}


@pytest.mark.parametrize("fault", READER_TESTS)
def test_a_reader_that_breaks_its_contract_fails(fault, tmp_path):
    test = READER_TESTS[fault]
    test(ReaderContract(), Held(tmp_path))
    with pytest.raises((AssertionError, IndexError)):
        test(ReaderContract(), Held(tmp_path, fault))


def test_a_reader_whose_blocks_are_too_large_fails(tmp_path):
    ReaderContract().test_a_limit_changes_the_blocks_and_nothing_else(Held(tmp_path), 7)
    with pytest.raises(AssertionError):
        ReaderContract().test_a_limit_changes_the_blocks_and_nothing_else(Held(tmp_path, "limit"), 7)


class Letters:
    """A decoder of ten letters that keeps the contract except for `fault`."""

    name = "letters"

    def __init__(self, fault=""):
        self.fault = fault

    def knows(self, value):
        return len(value) == 10 and bytes(value).isupper()

    def decode(self, block, rows, profile, *, pixels=True):
        if self.fault == "block" and len(rows) > 1:
            rows = rows[1:]
        return decode_each(self.read, block, rows, profile)

    def read(self, value, profile):
        if self.fault == "raises" and len(value) == 9:
            raise IndexError(len(value))
        if not self.knows(value) and self.fault != "cut":
            code, verdict = ("constant", "bad") if self.fault == "verdict" else ("undecodable", None)
            return Reading(findings=[found(code, "no letters", verdict=verdict)])
        return Reading([Field("data", np.frombuffer(bytes(value), np.uint8))])


class LettersContract(DecoderContract):
    decoder = "letters"

    def payloads(self):
        return [b"ABCDEFGHI" + bytes([letter]) for letter in b"JKLMN"]


CUT = DecoderContract.test_a_payload_cut_anywhere_is_bad
DECODER_TESTS = {
    "block": lambda suite: suite.test_a_block_is_decoded_as_its_records_are_one_by_one(),
    "raises": lambda suite: CUT(suite, False),
    "cut": lambda suite: CUT(suite, False),
    "verdict": lambda suite: CUT(suite, False),
}


@pytest.fixture
def letters(monkeypatch):
    """Return a function that installs the decoder `letters` with a fault."""

    def add(fault):
        monkeypatch.setattr(decoders, "decoder", lambda name: Letters(fault))
        monkeypatch.setattr("datacheck.testing.decoders.decoder", lambda name: Letters(fault))
        monkeypatch.setattr("datacheck.scanning.profile.profiling.decoder", lambda name: Letters())

    monkeypatch.setitem(decoders.DECODERS, "letters", Payload(("nowhere", "Letters"), "letters", title="letters"))
    return add


@pytest.mark.parametrize("fault", DECODER_TESTS)
def test_a_decoder_that_breaks_its_contract_fails(fault, letters):
    letters("")
    DECODER_TESTS[fault](LettersContract())
    letters(fault)
    with pytest.raises((AssertionError, IndexError)):
        DECODER_TESTS[fault](LettersContract())


class Engine(Pool):
    """A pool with a fault."""

    fault = ""

    def run(self, tasks):
        for task, result in super().run(tasks):
            if self.fault == "dies" and isinstance(result, Death):
                raise RuntimeError(result.signal)
            yield (task, result) if self.fault != "task" else (list(task), result)


ENGINE_TESTS = {
    "dies": lambda suite: suite.test_a_death_costs_one_task_and_is_told_with_its_note("exit", "exit status 7"),
    "task": lambda suite: suite.test_each_result_comes_with_the_very_task_that_was_given(),
}


@pytest.mark.parametrize("fault", ENGINE_TESTS)
def test_an_engine_that_breaks_its_contract_fails(fault, monkeypatch):
    class Suite(EngineContract):
        make = Engine

    ENGINE_TESTS[fault](Suite())
    monkeypatch.setattr(Engine, "fault", fault)
    with pytest.raises((AssertionError, RuntimeError)):
        ENGINE_TESTS[fault](Suite())


def test_the_examples_of_the_suites_are_true(tmp_path):
    import doctest

    import datacheck.testing.decoders
    import datacheck.testing.engines
    import datacheck.testing.readers

    for module in (datacheck.testing.readers, datacheck.testing.decoders, datacheck.testing.engines):
        (example,) = (it for it in doctest.DocTestFinder().find(module) if it.examples)
        out = io.StringIO()
        assert doctest.DocTestRunner().run(example, out=out.write, clear_globs=False).failed == 0, out.getvalue()
        (suite,) = (it for name, it in example.globs.items() if name.startswith("Test"))
        made = suite()
        if module is datacheck.testing.readers:
            assert len(list(made.open(made.write(tmp_path / "store")).blocks(Shard()))) > 0
        elif module is datacheck.testing.decoders:
            made.test_sound_records_have_values_and_no_findings()
        else:
            assert made.make is Pool

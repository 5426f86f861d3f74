"""Test that what dies while the profile is taken is left out by name; a store without a profile is never clean."""

import functools
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from building import datum, key, pixels, raw_records, write_lmdb
from delegating import Delegating
from inline_pool import Inline
from PIL import Image

import datacheck
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.decoders import decoder
from datacheck.errors import RebuildFailed
from datacheck.model.blocks import Block, Layout, Position, Shard
from datacheck.model.finding import found
from datacheck.reporting.source import Source
from datacheck.scanning.profile import profiling
from datacheck.scanning.profile.probing import DEATHS, _scattered, take_profile, undecided
from datacheck.scanning.profile.recognition import SAMPLED
from datacheck.scanning.retry import finding_of_death
from datacheck.scanning.settings.make_settings import make


def png(size: int, *, noise: bool = False) -> bytes:
    """Return a grey PNG of size x size pixels; without `noise` it has few bytes but takes as long to decode."""
    values = np.zeros((size, size), np.uint8)
    values[:: max(1, size // 7)] = 200
    if noise:
        values = np.random.default_rng(size).integers(0, 255, (size, size), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(values).save(out, "png", compress_level=1)
    return out.getvalue()


@functools.cache
def slow() -> bytes:
    """Return a picture that takes more than a second of processor time.

    This is longer than the timeouts here, and longer than all the small pictures together.
    """
    return png(23_000)


def small_pictures(count: int) -> dict[bytes, bytes]:
    return {key(number): png(24 + number % 5, noise=True) for number in range(count)}


def slow_store(path: Path) -> Path:
    """Write pictures, of which the first is slow and two are in fact texts, as may lie beside pictures."""
    return write_lmdb(path, {**small_pictures(80), key(0): slow(), key(30): b"1234567", key(55): b"some words"})


def of_records(report: datacheck.Report) -> list[tuple[str | None, str]]:
    return [(finding.key, finding.code) for finding in report.findings if finding.key]


WRONG = [("00000000", "timeout"), ("00000030", "undecodable"), ("00000055", "undecodable")]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_slow_picture_hides_no_bad_record(tmp_path, workers):
    path = slow_store(tmp_path / "env")
    report = datacheck.scan(path, timeout=0.2, workers=workers)
    assert of_records(report) == WRONG
    assert (report.status, report.complete) == (1, True)
    (left,) = [finding for finding in report.findings if finding.key is None]
    assert (left.code, left.verdict, left.details["key"]) == ("timeout", "unverifiable", "00000000")
    assert "left out of the profile: decoding 00000000 took more processor time" in left.message
    assert report.profile.families["#"].decoder == "picture"
    family = report.profile.families["#"]
    assert family.sampled == sum(family.kinds.values()) - 1
    assert family.sampled > 16


def test_a_rebuild_drops_what_a_slow_picture_hid(tmp_path):
    source, target = slow_store(tmp_path / "env"), tmp_path / "copy"
    receipt = datacheck.rebuild(source, target, drop_bad=True, timeout=0.2, workers=1)
    assert (receipt.written, receipt.kept, receipt.dropped) == (True, 77, 3)


def test_pictures_that_are_slow_together_are_taken_one_by_one(tmp_path):
    slowish = png(3_000)
    path = write_lmdb(tmp_path / "env", {key(number): slowish for number in range(24)})
    report = datacheck.scan(path, timeout=0.6, workers=1, skip=["constant"])
    assert (report.status, list(report.findings)) == (0, [])
    assert SAMPLED <= report.profile.families["#"].sampled < 24


@dataclass(frozen=True)
class Dying(Delegating):
    """An LMDB reader that raises MemoryError at the keys in `deadly`; if `few`, only for reads with a limit."""

    deadly: frozenset[bytes]
    few: bool = False

    def blocks(self, shard, *, limit=None, note=lambda place, seen: None) -> Iterator[Block]:
        for block in self.reader.blocks(shard, limit=limit, note=note):
            if (limit is not None or not self.few) and self.deadly & set(block.keys):
                raise MemoryError("a stand-in")
            yield block


def dying(tmp_path, deadly, *, few=False, records=None):
    path = write_lmdb(tmp_path / "env", records or raw_records(200))
    return Dying(LmdbReader(path), frozenset(map(key, deadly)), few)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_record_that_cannot_be_read_is_left_out_and_named(tmp_path, workers):
    records = raw_records(200)
    records[key(100)] = b"garbage"
    report = datacheck.scan(dying(tmp_path, [13, 14], records=records), workers=workers)
    assert of_records(report) == [
        (key(13).decode(), "too-large"),
        (key(14).decode(), "too-large"),
        ("00000100", "undecodable"),
    ]
    assert [it.details["key"] for it in report.findings if it.key is None] == ["00000013", "00000014"]
    assert report.complete


def test_a_store_of_which_nothing_can_be_sampled_is_undecided(tmp_path):
    reader = dying(tmp_path, range(200), few=True)
    report = datacheck.scan(reader, workers=1)
    assert (report.status, report.complete, report.bad) == (3, False, 0)
    assert "what the store should hold is undecided" in [*report.findings][-1].message
    assert {finding.verdict for finding in report.findings} == {"unverifiable"}


def test_a_rebuild_without_a_profile_is_refused(tmp_path, monkeypatch):
    reader = dying(tmp_path, range(200), few=True)
    monkeypatch.setattr(
        "datacheck.rebuilding.rebuild.prepare",
        lambda *_: (reader, datacheck.Report(Source(str(reader.path), "lmdb"), make(workers=1))),
    )
    with pytest.raises(RebuildFailed, match="did not reach every record"):
        datacheck.rebuild(tmp_path / "env", tmp_path / "copy", drop_bad=True)
    assert not (tmp_path / "copy").exists()


@dataclass(frozen=True)
class Listed:
    """A reader of records in memory, with 16 per probe."""

    backend = "listed"
    records: tuple[tuple[bytes, bytes], ...]
    reads: list[int]

    def layout(self):
        probes = [
            Shard("", Position(at), Position(min(at + 16, len(self.records)))) for at in range(0, len(self.records), 16)
        ]
        return Layout(probes, probes, len(self.records), 0)

    def name(self, shard, place, finding):
        return datacheck.model.msgspec.structs.replace(finding, key=self.records[place.key + place.nth][0].decode())

    def blocks(self, shard, *, limit=None, note=lambda place, seen: None):
        at, stop = shard.start.key + shard.start.nth, shard.stop.key + shard.stop.nth
        while at < stop:
            note(Position(at), True)
            end = min(stop, at + (limit or stop))
            self.reads.extend(range(at, end))
            keys, values = zip(*self.records[at:end], strict=True)
            yield Block(list(keys), list(values))
            at = end


def listed(count=160, other=()):
    return Listed((*((key(at), datum(pixels(at), at % 10)) for at in range(count)), *other), [])


def taken(reader, dies=lambda note: False):
    pool = Inline(reader, dies)
    return take_profile(pool, reader.layout()), pool


def test_the_profile_is_the_same_as_of_all_samples_at_once():
    result, _ = taken(listed())
    family = result.profile.families["#"]
    assert (family.decoder, family.sampled, result.left, result.last) == ("datum", 160, (), None)
    assert family.fields["data"].shape == (3, 8, 8)
    assert family.fields["label"].share == 1.0
    means = [float(pixels(at).mean()) for at in range(160)]
    assert family.fields["data"].centre == pytest.approx(np.mean(means), rel=1e-6)


def test_a_death_loses_and_repeats_nothing_of_the_other_probes():
    reader = listed()
    deadly = [None, Position(40)]

    def dies(note):
        return note[:2] == ("reading", 2) and deadly[:1] == [note[3]] and bool(deadly.pop(0) or True)

    result, pool = taken(reader, dies)
    assert [(it.place, it.probe) for it in result.left] == [(Position(40), 2)]
    assert result.profile.families["#"].sampled == 159
    assert pool.tasks == 3
    # once for the votes and once for decoding, since the workers that held the samples died
    assert max(reader.reads.count(at) for at in range(160) if not 32 <= at < 48) == 2


def test_a_death_while_decoding_leaves_out_the_one_value():
    result, pool = taken(listed(), lambda note: note[0] == "decoding" and (note[1], note[2]) in {(3, 5), (3, None)})
    assert [(it.probe, it.key) for it in result.left] == [(3, "00000053")]
    assert result.profile.families["#"].sampled == 159
    assert pool.tasks == 3


def test_a_family_of_which_nothing_could_be_decoded_is_undecided():
    others = tuple((b"mask-%d" % at, b"\x93NUMPY" + bytes(200)) for at in range(32))
    dies = lambda note: note[0] == "decoding" and (note[2] is None or "mask" in note[3])  # noqa: E731
    reader = listed(160, others)
    result, _ = taken(reader, dies)
    assert result.profile.families["#"].sampled == 160
    assert result.undecided == ("mask-#",)
    assert result.profile.families["mask-#"].sampled == 0
    tallies = list(undecided(result, reader.layout(), reader, lambda death, doing: found("timeout", doing)))
    assert any(not tally.complete for tally in tallies)
    assert all(finding.verdict == "unverifiable" for tally in tallies for finding in tally.findings)


def test_a_profile_that_costs_too_many_deaths_is_made_of_what_is_there_and_says_so():
    reader = listed(640)
    result, pool = taken(reader, lambda note: note[0] == "decoding" and (note[2] is None or note[2] % 2 == 0))
    assert pool.tasks == DEATHS + 1
    assert len(result.left) == DEATHS - 1
    assert result.unused > 0
    assert result.empty or result.undecided or result.profile.families["#"].sampled > 0


class Raising:
    """A Datum decoder that raises, for certain values, what a library may raise for hostile bytes."""

    def __init__(self, name):
        self._decoder = decoder(name)

    def decode(self, block, rows, profile, *, pixels):
        if any(b"\x28\x07" in bytes(value) for value in block.values) or len(block) > 1:
            raise IndexError("as a library does")
        return self._decoder.decode(block, rows, profile, pixels=pixels)


def test_an_exception_of_a_decoder_leaves_out_the_value_it_was_raised_at(monkeypatch):
    monkeypatch.setattr(profiling, "decoder", Raising)
    result, _ = taken(listed(48))
    assert result.left
    assert {it.death.signal for it in result.left} == {"IndexError"}
    assert not any(it.death.trace for it in result.left)
    assert result.profile.families["#"].sampled == 48 - len(result.left)


def test_a_mistake_of_our_own_ends_the_profile_and_is_told_as_one(monkeypatch):
    def sums_of_values(values, name, **options):
        raise IndexError("a slip")

    monkeypatch.setattr(profiling, "sums_of_values", sums_of_values)
    reader = listed(48)
    result, _ = taken(reader)
    assert result.last is not None
    assert "a slip" in result.last.trace
    said = [it for tally in undecided(result, reader.layout(), reader, finding_of_death) for it in tally.findings]
    assert {it.code for it in said} == {"internal-error"}


def test_samples_beyond_the_memory_meant_for_them_are_read_again_and_all_count(monkeypatch):
    monkeypatch.setattr(profiling, "SAMPLE_BYTES", 20_000)
    reader = listed()
    result, _ = taken(reader)
    assert result.profile.families["#"].sampled == 160
    held = sum(reader.reads.count(at) == 1 for at in range(160))
    assert 0 < held * len(datum(pixels(0))) <= 20_000


@pytest.mark.parametrize("count", [1, 2, 7, 64])
def test_the_scattered_order_has_every_probe_once(count):
    assert sorted(_scattered(count)) == list(range(count))

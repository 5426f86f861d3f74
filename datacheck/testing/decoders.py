"""Contract tests for decoders and for the row of their payload: see `DecoderContract` and `BlockContract`."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

import datacheck
from datacheck.decoders import decoder, kind, payload
from datacheck.decoders.interface import Decoder
from datacheck.model.batch import Batch
from datacheck.model.blocks import AnyBlock, Block
from datacheck.model.codes import CODES, VERDICTS
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding
from datacheck.model.profile import UNKNOWN, FamilyProfile
from datacheck.reporting.document import Document
from datacheck.reporting.json_files import json_document
from datacheck.reporting.report import Report
from datacheck.reporting.summary import text
from datacheck.scanning.profile.profiling import sums_of_rows, sums_of_values

MOST_CUTS = 160
"""Maximum number of lengths at which a payload is cut, including the first 64 bytes."""
FLIPS = 64

FOREIGN: tuple[bytes, ...] = (
    b"\0" * 40,
    b"\xff" * 40,
    b"\x93NUMPY\x01\0v\0{'descr': '|O', 'fortran_order': False, 'shape': (3,), }",
    b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x02\0\0\x64\0\x64\0\0",
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xff\xff\xff\xff\xff\xff\xff\x08\x06\0\0\0",
    b"GIF89a\xff\xff\xff\xff\xf7\0\0",
    b"BM\xff\xff\xff\x7f\0\0\0\0\x36\0\0\0\x28\0\0\0\xff\xff\xff\x7f",
    b"RIFF\xff\xff\xff\xffWEBPVP8 ",
    b"II*\0\xff\xff\xff\xff",
    b"\x08\x03\x10\xff\xff\xff\xff\x07\x18\xff\xff\xff\xff\x07\x22\xff\xff\xff\xff\x0f",
    b"\x80\x04\x95\x10\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
    b"PK\x03\x04\x14\0\0\0\x08\0",
    b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0",
    b'{"label": [1, 2',
    "Grüße\n".encode("utf-16"),
    b"-1e999",
    *(random.Random(size).randbytes(size) for size in (1, 2, 3, 7, 33, 1000)),  # noqa: S311  (not for secrets)
)
"""Values that are not payloads of any kind, or that declare a false size, and random ones, which are the same in each
run."""


class BlockContract:
    """The tests of any decoder. A test class inherits them and defines a block of sound records, and a store of them.

    For decoders of single values there is `DecoderContract`, which makes both from payloads.

    Attributes
    ----------
    decoder
        The decoder's name in DECODERS.
    """

    decoder: str

    def block(self) -> AnyBlock:
        """Return a block of at least four similar sound records."""
        raise NotImplementedError

    def write(self, path: Path) -> Path:
        """Write a store of sound records at an unused path, and return the path."""
        raise NotImplementedError

    def scan(self, path: Path) -> Report:
        """Return the report of a store."""
        return datacheck.scan(path, workers=1)

    @property
    def made(self) -> Decoder:
        """The decoder itself."""
        return decoder(self.decoder)

    def family(self, block: AnyBlock) -> FamilyProfile:
        """Return the profile made from these records: what similar records are expected to hold."""
        sums = (
            sums_of_values(block.values, self.decoder, pixels=True) if isinstance(block, Block) else sums_of_rows(block)
        )
        return sums.profile(self.decoder, len(block))

    def decoded(self, block: AnyBlock, rows: Sequence[int], family: FamilyProfile | None, **options: Any) -> list[Any]:
        """Return what the decoder yields for the records at `rows`, after checks that apply to all of its output."""
        items = list(self.made.decode(block, rows, family, **options))
        for item in items:
            if isinstance(item, Batch):
                assert set(item.rows) <= set(rows), "a batch of records that were not asked for"
                assert len(item.rows) == len(item.values)
                assert item.field == plain(item.field)
                assert item.values.dtype.kind in "biuf", "values must be real numbers"
            else:
                row, finding = item
                assert row in rows, "a finding of a record that was not asked for"
                check_finding(finding)
        return items

    def test_its_row_has_all_that_a_report_says(self) -> None:
        row = payload(self.decoder)
        assert self.made.name == self.decoder
        assert row.decodes
        assert row.title.format(field="data")

    def test_sound_records_have_values_and_no_findings(self) -> None:
        block = self.block()
        assert len(block) >= 4
        for family in (None, self.family(block)):
            items = self.decoded(block, range(len(block)), family)
            assert not [it for it in items if not isinstance(it, Batch)]
            assert not [it for it in items if len(it.absent)]

    def test_a_block_is_decoded_as_its_records_are_one_by_one(self) -> None:
        block = self.block()
        for family in (None, self.family(block)):
            self.compare(block, family)

    def test_any_of_the_records_may_be_asked_for(self) -> None:
        block = self.block()
        rows = list(range(1, len(block), 2))
        family = self.family(block)
        together = spread(self.decoded(block, range(len(block)), family))
        assert spread(self.decoded(block, rows, family)) == [it for it in together if it[0] in rows]
        assert self.decoded(block, [], family) == []

    def compare(self, block: AnyBlock, family: FamilyProfile | None) -> None:
        """Check that a block decodes like its records one at a time."""
        together = spread(self.decoded(block, range(len(block)), family))
        single = [it for row in range(len(block)) for it in spread(self.decoded(block, [row], family))]
        assert together == sorted(single, key=repr)

    def test_a_store_of_sound_records_scans_clean(self, tmp_path: Path) -> None:
        report = self.scan(self.write(tmp_path / "store"))
        assert list(report.findings) == []
        assert report.status == 0
        assert report.source.decoder == self.decoder

    def test_the_text_and_the_json_of_a_report_can_be_written(self, tmp_path: Path) -> None:
        report = self.scan(self.write(tmp_path / "store"))
        written(report)
        families = [*report.profile.families.values(), *([report.profile.rest] if report.profile.rest else [])]
        if any(family.fields for family in families):
            assert payload(self.decoder).title.partition("{")[0] in text(report).split("\n")[0]


class DecoderContract(BlockContract):
    """The tests of a decoder of single values. A test class inherits them and defines sound payloads.

    Attributes
    ----------
    decoder
        The decoder's name in DECODERS.
    told
        Whether a store of such payloads is recognised. Those that only accompany others are not: they must be named.

    Examples
    --------
    >>> class TestNpyDecoder(DecoderContract):
    ...     decoder = "npy"
    ...
    ...     def payloads(self):
    ...         import io
    ...         import numpy as np
    ...
    ...         for number in range(5):
    ...             file = io.BytesIO()
    ...             np.save(file, np.arange(number, number + 6.0))
    ...             yield file.getvalue()
    """

    @property
    def told(self) -> bool:
        """Whether a scan recognises by itself that the store holds such payloads."""
        return not payload(self.decoder).beside

    def payloads(self) -> Iterable[bytes]:
        """Return at least four similar sound payloads, like the records of one store."""
        raise NotImplementedError

    def sound_cuts(self, payload: bytes) -> Collection[int]:
        """Return the lengths at which a payload may be cut and is still sound, though its content is different."""
        return ()

    def block(self) -> Block:
        """Return a block of the payloads."""
        return block_of(list(self.payloads()))

    def write(self, path: Path) -> Path:
        """Write an LMDB of the payloads."""
        return write_lmdb(path, list(self.payloads()))

    def scan(self, path: Path) -> Report:
        """Return the report of a store; the decoder is named if the payloads are not recognised."""
        return datacheck.scan(path, workers=1, decoder=None if self.told else self.decoder)

    def faulty(self) -> list[bytes]:
        """Return payloads with every kind of fault, and sound ones among them."""
        sound = list(self.payloads())
        cuts = [sound[0][:at] for at in places(len(sound[0]))[:: max(1, len(sound[0]) // 12)]]
        return [*sound, *cuts, b"", *FOREIGN, *sound, sound[0] + b"\0", sound[0] + sound[1], *flipped(sound[0], 8)]

    def test_it_takes_single_values(self) -> None:
        assert not payload(self.decoder).rows

    def test_it_knows_sound_payloads_and_does_not_know_nothing(self) -> None:
        payloads = list(self.payloads())
        assert all(self.made.knows(it) for it in payloads)
        assert all(self.made.knows(memoryview(it)) for it in payloads)
        assert Counter(map(kind, payloads)).most_common(1)[0][0] == self.decoder
        assert not self.made.knows(b"")

    def test_knowing_raises_nothing(self) -> None:
        assert {self.made.knows(value) for value in self.faulty()} <= {True, False}

    @pytest.mark.parametrize("told", [False, True], ids=["at first", "with a profile"])
    def test_a_payload_cut_anywhere_is_bad(self, told: bool) -> None:
        payload = next(iter(self.payloads()))
        sound = self.sound_cuts(payload)
        family = self.family(self.block()) if told else None
        lengths = places(len(payload))
        block = block_of([payload[:at] for at in lengths])
        bad = condemned(self.decoded(block, range(len(block)), family))
        assert [at for row, at in enumerate(lengths) if row not in bad and at not in sound] == []
        assert [at for row, at in enumerate(lengths) if row in bad and at in sound] == []

    def test_what_is_no_payload_is_not_taken_for_sound(self) -> None:
        family = self.family(self.block())
        for value in FOREIGN:
            rows = condemned(self.decoded(block_of([value]), [0], family))
            assert rows or self.made.knows(value), f"nothing is said of {value[:16]!r}"

    def test_a_value_of_no_bytes_raises_nothing(self) -> None:
        for family in (None, self.family(self.block())):
            items = self.decoded(block_of([b""]), [0], family)
            assert condemned(items) or not [it for it in items if isinstance(it, Batch) and len(it.rows)]

    def test_flipped_bits_raise_nothing(self) -> None:
        block = block_of([value for payload in self.payloads() for value in flipped(payload, FLIPS // 4)])
        for family in (None, self.family(self.block())):
            self.decoded(block, range(len(block)), family)

    def test_a_block_with_faults_is_decoded_as_its_records_are_one_by_one(self) -> None:
        family = self.family(self.block())
        self.compare(block_of(self.faulty()), family)
        self.compare(block_of(self.faulty()), None)

    def test_without_pixels_the_same_is_found(self) -> None:
        block, family = block_of(self.faulty()), self.family(self.block())
        full, quick = (self.decoded(block, range(len(block)), family, pixels=pixels) for pixels in (True, False))
        assert [it[:4] for it in spread(quick) if it[1] == "finding"] == [
            it[:4] for it in spread(full) if it[1] == "finding"
        ]

    def test_views_are_decoded_as_bytes_are(self) -> None:
        values = self.faulty()
        family = self.family(self.block())
        block, views = block_of(values), block_of([memoryview(it) for it in values])
        rows = range(len(values))
        assert spread(self.decoded(block, rows, family)) == spread(self.decoded(views, rows, family))

    def test_bad_records_are_named_in_every_report(self, tmp_path: Path) -> None:
        sound = list(self.payloads()) * 8
        cuts = self.sound_cuts(sound[0])
        broken = sound[0][: next((at for at in reversed(range(1, len(sound[0]))) if at not in cuts), 0)] or FOREIGN[0]
        path = write_lmdb(tmp_path / "store", [*sound, broken, b""])
        report = self.scan(path)
        assert list(report.bad_keys()) == [_key(len(sound)).decode(), _key(len(sound) + 1).decode()]
        assert report.status == 1
        written(report)

    def test_a_store_is_recognised_or_said_to_be_unknown(self, tmp_path: Path) -> None:
        report = datacheck.scan(self.write(tmp_path / "store"), workers=1)
        assert report.source.decoder in ((self.decoder,) if self.told else (self.decoder, UNKNOWN))
        written(report)


def block_of(values: Sequence[bytes | memoryview]) -> Block:
    """Return a block of these values with numbers as keys."""
    return Block([_key(number) for number in range(len(values))], values)


def write_lmdb(path: Path, values: Sequence[bytes]) -> Path:
    """Write an LMDB of these values with numbers as keys."""
    from datacheck.backends.lmdb.library import create

    create(path, [(_key(number), value) for number, value in enumerate(values)])
    return path


def _key(number: int) -> bytes:
    return b"%08d" % number


def places(length: int) -> list[int]:
    """Return the lengths at which a payload of that length is cut."""
    if length <= MOST_CUTS:
        return list(range(1, length))
    behind = MOST_CUTS - 64
    return [*range(1, 65), *sorted({64 + (place + 1) * (length - 65) // behind for place in range(behind)})]


def flipped(payload: bytes, count: int) -> list[bytes]:
    """Return `count` copies of a payload with one bit flipped in each, the same in each run."""
    chance = random.Random(len(payload))  # noqa: S311  (not for secrets)
    variants = []
    for _ in range(count):
        raw = bytearray(payload)
        raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
        variants.append(bytes(raw))
    return variants


def check_finding(finding: Finding) -> None:
    """Check what all findings of a decoder have in common: no name yet, and contents that any report can contain."""
    verdict, _ = CODES[finding.code]
    assert VERDICTS.index(finding.verdict) >= VERDICTS.index(verdict), "a stronger verdict than its code's"
    assert finding.key is None
    assert finding.index is None
    assert finding.message == plain(finding.message)
    assert finding.message
    msgspec.json.encode(finding)


def condemned(items: Iterable[Any]) -> set[int]:
    """Return the rows that a decoder calls bad or unverifiable."""
    return {it[0] for it in items if not isinstance(it, Batch) and it[1].verdict in ("bad", "unverifiable")}


def spread(items: Iterable[Any]) -> list[tuple[Any, ...]]:
    """Return what a decoder yields as sorted tuples, one for each value and finding, that begin with the row."""
    tuples: list[tuple[Any, ...]] = []
    for item in items:
        if not isinstance(item, Batch):
            row, it = item
            tuples.append((row, "finding", it.code, it.verdict, it.field, it.message, repr(it.details)))
            continue
        facts = (item.format, item.encoded, item.label, item.shape, str(item.values.dtype), item.pixels_skipped)
        for row, values in zip(item.rows, item.values, strict=True):
            tuples.append((row, "values", item.field, *facts, b"" if item.pixels_skipped else values.tobytes()))
        tuples += [(row, "absent", item.field) for row in item.absent]
    return sorted(tuples, key=repr)


def written(report: Report) -> Document:
    """Write a report as text and as JSON; check that the JSON agrees with the report, and return it."""
    lines = text(report).split("\n")
    assert all(line == plain(line) for line in lines)
    document = msgspec.json.decode("".join(json_document([report])), type=Document)
    assert document.findings == list(report.findings)
    assert document.counts == report.counts
    return document

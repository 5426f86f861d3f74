"""Determine the shapes of a store's records as Caffe reads them. This runs in a worker, which a record may kill."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from datacheck.backends.interface import Reader
from datacheck.engines import start_engine
from datacheck.model.batch import Batch
from datacheck.model.blocks import Layout, Shard
from datacheck.model.finding import Finding
from datacheck.model.replacing import replace
from datacheck.model.settings import Settings
from datacheck.scanning.blame import blamed, blaming
from datacheck.scanning.retry import finding_of_death
from datacheck.scanning.tasks import Job, TakeLayout, run_one
from datacheck.workers.interface import Death, MakeEngine, Watch


def shape_for_caffe(batch: Batch, colour: int | None) -> tuple[int, ...]:
    """Return the shape that OpenCV gives a picture: its own channels, or `colour` if the layer asks for 3 or 1.

    With IMREAD_UNCHANGED, grey with alpha becomes four channels, and CMYK three (OpenCV 4.6, modules/imgcodecs).
    """
    shape = batch.shape
    if not batch.encoded or len(shape) != 3:
        return shape
    channels = shape[0]
    if colour is not None:
        channels = colour
    elif batch.format.endswith("CMYK"):
        channels = 3
    elif channels == 2:
        channels = 4
    return (channels, *shape[1:])


def shapes(batches: Sequence[Batch], colour: int | None) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield the row and shape, as Caffe reads it, of each record that has "data"."""
    for batch in batches:
        if batch.field == "data" and not batch.label:
            for row in batch.rows:
                yield row, shape_for_caffe(batch, colour)


@dataclass(frozen=True)
class SourceSample:
    """The shapes of the sampled records, as Caffe reads them.

    `shapes` counts each shape, `first` is that of the first record, and `encoded` the number of encoded records.
    `records` is the number of all records, or None if it is not known. `failed` is a finding about a mistake of
    datacheck itself. `bytes` is set if the values are bytes and some are above 1, as far as they were decoded.
    """

    shapes: Counter[tuple[int, ...]]
    first: tuple[int, ...] | None = None
    encoded: int = 0
    records: int | None = None
    failed: Finding | None = None
    bytes: bool = False

    @property
    def only(self) -> tuple[int, ...] | None:
        """The shape of all sampled records, or None if they differ."""
        return next(iter(self.shapes)) if len(self.shapes) == 1 else None

    @property
    def usual(self) -> tuple[int, ...] | None:
        """The most frequent shape; that of the first record if it is as frequent as any other."""
        most = max(self.shapes.values(), default=0)
        if self.first is not None and self.shapes[self.first] == most:
            return self.first
        return min((shape for shape, count in self.shapes.items() if count == most), default=None)


@dataclass(frozen=True)
class TakeShapes:
    """A task that decodes the records at the probes and returns their SourceSample.

    It notes the number of the current probe.
    """

    probes: tuple[Shard, ...]
    colour: int | None

    def run(self, job: Job, watch: Watch) -> SourceSample:
        from datacheck.decoders import decoder
        from datacheck.model.blocks import Block
        from datacheck.scanning.profile.sampled import first_records

        watch.timeout = job.settings.timeout
        result = SourceSample(Counter())
        for number, probe in enumerate(self.probes):
            watch.note(number)
            with blaming("unreadable"):
                block = first_records(job.reader, probe)
            if not isinstance(block, Block):
                continue
            rows = [row for row, value in enumerate(block.values) if len(value)]
            decode = decoder(job.settings.decoder or "datum").decode
            decoded = blamed("undecodable", decode, block, rows, None, pixels=False)
            batches = [it for it in decoded if isinstance(it, Batch)]
            probe_shapes = sorted(shapes(batches, self.colour))
            result.shapes.update(shape for _, shape in probe_shapes)
            encoded = sum(len(it.rows) for it in batches if it.field == "data" and it.encoded)
            first = result.first or (probe_shapes[0][1] if probe_shapes else None)
            large = result.bytes or any(map(_has_large_bytes, batches))
            result = replace(result, first=first, encoded=result.encoded + encoded, bytes=large)
        watch.note(None)
        return result


def _has_large_bytes(batch: Batch) -> bool:
    """Return whether a batch has bytes above 1. Encoded pictures, which are not decoded, are assumed to have some."""
    if batch.label or batch.field != "data" or not len(batch.rows):
        return False
    if batch.encoded:
        return True
    return batch.values.dtype.itemsize == 1 and bool((batch.highs > 1).any())


def sample_source(
    reader: Reader,
    settings: Settings,
    colour: int | None,
    engine: MakeEngine | None = None,
    most: int | None = None,
) -> SourceSample:
    """Return the shapes of the records at the first `most` probes, or at all probes.

    A probe that kills its worker is left out.
    """
    with start_engine(Job(reader, settings), 1, engine) as pool:
        layout = run_one(pool, TakeLayout())
        if not isinstance(layout, Layout):
            return SourceSample(Counter())
        probes = list(layout.probes[:most])
        while probes:
            result = run_one(pool, TakeShapes(tuple(probes), colour))
            if isinstance(result, SourceSample):
                return replace(result, records=layout.records)
            if isinstance(result, Death) and result.trace:
                failed = finding_of_death(result, "finding out the shapes of the records")
                return SourceSample(Counter(), records=layout.records, failed=failed)
            del probes[result.note if isinstance(result, Death) and isinstance(result.note, int) else -1]
        return SourceSample(Counter(), records=layout.records)

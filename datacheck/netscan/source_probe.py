"""What must be known of a source before its records can be checked; found out in a worker, which may die of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from datacheck.backends.interface import Reader
from datacheck.engines import start_engine
from datacheck.model.batch import Batch
from datacheck.model.blocks import Layout, Shard
from datacheck.model.finding import Finding
from datacheck.model.settings import Settings
from datacheck.scanning.blame import blamed, blaming
from datacheck.scanning.retry import finding_of_death
from datacheck.scanning.run import only
from datacheck.scanning.tasks import Job, TakeLayout
from datacheck.workers.interface import Death, MakeEngine, Watch


@dataclass(frozen=True)
class SourceSample:
    """Of the sampled records: how often each shape occurs, as Caffe takes it, the first one, and how many are encoded.

    `records` is how many there are in all, None where that is not known; `failed` tells of a mistake of our own.
    `bytes` says that they are bytes, and that some are above 1, as far as they were decoded.
    """

    shapes: Counter[tuple[int, ...]]
    first: tuple[int, ...] | None = None
    encoded: int = 0
    records: int | None = None
    failed: Finding | None = None
    bytes: bool = False

    @property
    def only(self) -> tuple[int, ...] | None:
        """The shape of all sampled records, None where they differ."""
        return next(iter(self.shapes)) if len(self.shapes) == 1 else None

    @property
    def usual(self) -> tuple[int, ...] | None:
        """The shape of most records; of shapes that are as frequent, that of the first record."""
        most = max(self.shapes.values(), default=0)
        if self.first is not None and self.shapes[self.first] == most:
            return self.first
        return min((shape for shape, count in self.shapes.items() if count == most), default=None)


@dataclass(frozen=True)
class TakeShapes:
    """Decode the records at the probes and return the Look they give; notes the number of the probe it is at."""

    probes: tuple[Shard, ...]
    colour: int | None

    def run(self, job: Job, watch: Watch) -> SourceSample:
        from datacheck.decoders import decoder
        from datacheck.model.blocks import Block
        from datacheck.netscan.record_checks import shapes
        from datacheck.scanning.profiling import sample

        watch.timeout = job.settings.timeout
        sample_source = SourceSample(Counter())
        for number, probe in enumerate(self.probes):
            watch.note(number)
            with blaming("unreadable"):
                block = sample(job.reader, probe)
            if not isinstance(block, Block):
                continue
            rows = [row for row, value in enumerate(block.values) if len(value)]
            decode = decoder(job.settings.decoder or "datum").decode
            decoded = blamed("undecodable", decode, block, rows, None, pixels=False)
            batches = [it for it in decoded if isinstance(it, Batch)]
            found_there = sorted(shapes(batches, self.colour))
            sample_source.shapes.update(shape for _, shape in found_there)
            encoded = sum(len(it.rows) for it in batches if it.field == "data" and it.encoded)
            first = sample_source.first or (found_there[0][1] if found_there else None)
            large = sample_source.bytes or any(map(_of_bytes, batches))
            sample_source = replace(sample_source, first=first, encoded=sample_source.encoded + encoded, bytes=large)
        watch.note(None)
        return sample_source


def _of_bytes(batch: Batch) -> bool:
    """Return whether a batch has bytes above 1: pictures that are not decoded are taken to have them."""
    if batch.label or batch.field != "data" or not len(batch.rows):
        return False
    if batch.encoded:
        return True
    return batch.values.dtype.itemsize == 1 and bool((batch.highs > 1).any())


def sample_source(
    reader: Reader, settings: Settings, colour: int | None, engine: MakeEngine | None = None
) -> SourceSample:
    """Return what the source's sampled records are; a probe that kills its worker is left out."""
    with start_engine(Job(reader, settings), 1, engine) as pool:
        layout = only(pool, TakeLayout())
        if not isinstance(layout, Layout):
            return SourceSample(Counter())
        probes = list(layout.probes)
        while probes:
            seen = only(pool, TakeShapes(tuple(probes), colour))
            if isinstance(seen, SourceSample):
                return replace(seen, records=layout.records)
            if isinstance(seen, Death) and seen.trace:
                failed = finding_of_death(seen, "finding out the shapes of the records")
                return SourceSample(Counter(), records=layout.records, failed=failed)
            del probes[seen.note if isinstance(seen, Death) and isinstance(seen.note, int) else -1]
        return SourceSample(Counter(), records=layout.records)


@dataclass(frozen=True)
class TopDataset:
    """The dataset of a top in one file: its shape and the class of its type as HDF5 calls it; or why there is none."""

    shape: tuple[int, ...] = ()
    kind: str = ""
    missing: str | None = None


@dataclass(frozen=True)
class TakeTops:
    """Return the dataset of each top in one file, None where the file cannot be opened."""

    file: Path
    tops: tuple[str, ...]

    def run(self, job: Job, watch: Watch) -> list[TopDataset] | None:
        from datacheck.backends.hdf5.file import opened
        from datacheck.backends.hdf5.trouble import TROUBLE

        watch.timeout = job.settings.timeout
        watch.note(None)
        try:
            with opened(self.file) as it:
                return [_top(it.file, name) for name in self.tops]
        except TROUBLE:
            return None  # the scan's own findings say so


def _top(file: Any, name: str) -> TopDataset:
    """Return what `H5LTfind_dataset` and `H5LTget_dataset_info` would tell."""
    from datacheck.backends.hdf5.survey import reason_of
    from datacheck.backends.hdf5.trouble import TROUBLE, require_of_data

    try:
        link = file.get(name, getlink=True)
        if link is None:
            return TopDataset(missing="there is no such dataset")
        if type(link).__name__ == "ExternalLink":
            return TopDataset(missing="it is a link to another file, which is not followed")
        dataset = file[name]
        if not hasattr(dataset, "dtype"):
            return TopDataset(missing="it is a group")
        return TopDataset(tuple(dataset.shape or ()), KINDS.get(dataset.dtype.kind, "H5T_COMPOUND"))
    except TROUBLE as exc:
        require_of_data(exc)
        return TopDataset(missing=f"it cannot be opened: {reason_of(exc)}")


KINDS = {
    "f": "H5T_FLOAT",
    "i": "H5T_INTEGER",
    "u": "H5T_INTEGER",
    "b": "H5T_ENUM",
    "S": "H5T_STRING",
    "O": "H5T_STRING",
    "c": "H5T_COMPOUND",
}


def look_at_tops(
    reader: Reader,
    files: Sequence[Path],
    tops: tuple[str, ...],
    settings: Settings,
    engine: MakeEngine | None = None,
) -> tuple[list[list[TopDataset] | None], list[Finding]]:
    """Return for each file the datasets of the tops, None for one that cannot be opened, and what killed a worker."""
    made: list[list[TopDataset] | None] = []
    findings = []
    with start_engine(Job(reader, settings), 1, engine) as pool:
        for file in files:
            result = only(pool, TakeTops(file, tops))
            if isinstance(result, Death):
                findings.append(finding_of_death(result, f"{file.name}: opening it", of_record=False))
                result = None
            made.append(result)
    return made, findings

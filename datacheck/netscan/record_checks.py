"""Check records as a layer of a network takes them, and add what Caffe would do to all findings about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from datacheck.caffe.blobs import read_blob
from datacheck.checks.validators import Findings, Label, Validator
from datacheck.model.batch import Batch
from datacheck.model.blocks import AnyBlock, Block
from datacheck.model.finding import Finding, found
from datacheck.model.replacing import replace
from datacheck.netscan.caffe_behaviour import SENTENCES, situation
from datacheck.scanning.judging.judge import View
from datacheck.scanning.profile.record_shapes import shape_for_caffe

LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Demand:
    """What each record must be for its batch: `shape` is the shape of the records, None if it is not known.

    With `whole`, height and width must be equal to it too; otherwise only the channels, and no side may be below
    `crop`. `why` is the situation of a record that does not fit.
    """

    shape: tuple[int, int, int] | None = None
    whole: bool = False
    crop: int = 0
    why: str = "size"


@dataclass(frozen=True)
class FitsNet:
    """Check that every record has the channels and size that its batch, the layer's crop and mean file demand."""

    demand: Demand
    colour: int | None = None

    def __call__(self, batch: Batch) -> Findings:
        if batch.label or batch.field != "data" or not len(batch.rows):
            return
        finding = self._shape_finding(batch)
        if finding is not None:
            for index in range(len(batch.rows)):
                yield index, finding

    def _shape_finding(self, batch: Batch) -> Finding | None:
        shape, expected = shape_for_caffe(batch, self.colour), self.demand.shape
        if expected is not None and (len(shape) != 3 or shape[0] != expected[0]):
            return _shape_finding(shape, expected, "channels-encoded" if batch.encoded else "channels")
        if batch.encoded and self.colour is None and batch.values.dtype != np.uint8:
            bits = batch.values.dtype.itemsize * 8
            text = f"{batch.format}: {bits} bits a value; an encoded Datum must have 8"
            return found("wrong-format", text, field="data", verdict="bad", caffe=SENTENCES["picture-16-bit"])
        if self.demand.whole and expected is not None and shape != expected:
            return _shape_finding(shape, expected, self.demand.why)
        if self.demand.crop and min(shape[1:]) < self.demand.crop:
            return _shape_finding(shape, (shape[0], self.demand.crop, self.demand.crop), "crop")
        return None


def _shape_finding(shape: tuple[int, ...], expected: tuple[int, ...], why: str) -> Finding:
    least = "at least " if why == "crop" else ""
    return found(
        "shape",
        f"shape {list(shape)}, the net takes {least}{list(expected)}",
        field="data",
        found=list(shape),
        expected=list(expected),
        caffe=SENTENCES[why],
    )


@dataclass(frozen=True)
class FiniteInNet:
    """Check that every finite value stays finite in float32, also after mean subtraction and scaling."""

    scale: float = 1.0
    mean_file: str | None = None
    mean_values: tuple[float, ...] = ()

    def __call__(self, batch: Batch) -> Findings:
        if batch.label or not batch.floating or not batch.values.size or batch.field == "float_data":
            return
        mean = self._mean(batch)
        least, most = float(mean.min()), float(mean.max())
        with np.errstate(over="ignore", invalid="ignore"):
            ends = [
                (it.astype(np.float64) - end) * self.scale for it, end in ((batch.lows, most), (batch.highs, least))
            ]
            suspects = np.flatnonzero(np.maximum(np.abs(ends[0]), np.abs(ends[1])) > LARGEST / 2)
        for index in suspects:
            finding = self._overflow(batch, batch.values[index], mean)
            if finding is not None:
                yield int(index), finding

    def _overflow(self, batch: Batch, record: NDArray[Any], mean: NDArray[Any]) -> Finding | None:
        with np.errstate(over="ignore", invalid="ignore"):
            float32_values = record.astype(np.float32)
            result = (float32_values - mean.astype(np.float32)) * np.float32(self.scale)
        overflowed = np.isfinite(record) & ~np.isfinite(result)
        if not overflowed.any():
            return None
        first = [int(axis_index) for axis_index in np.unravel_index(int(overflowed.argmax()), overflowed.shape)]
        narrowed = not np.isfinite(float32_values[tuple(first)])
        how = "in float32" if narrowed else "in float32 once the mean is subtracted and the scale multiplied"
        value = record[tuple(first)]
        return found(
            "inf",
            f"{int(overflowed.sum())} of {record.size} values become infinite {how}, first {value:g} at {first}",
            field=batch.field,
            count=int(overflowed.sum()),
            first=first,
            caffe=SENTENCES["narrowed" if narrowed else "overflow"],
        )

    def _mean(self, batch: Batch) -> NDArray[Any]:
        """Return the mean to subtract from one record, or 0 if it does not fit, which has findings of its own."""
        if self.mean_file is not None:
            mean = _read_mean(self.mean_file)
            if mean.shape == batch.shape:
                return mean
        elif len(self.mean_values) == 1 or (batch.shape and len(self.mean_values) == batch.shape[0]):
            return np.array(self.mean_values, np.float64).reshape(-1, *[1] * (len(batch.shape) - 1))
        return np.zeros(1)


@lru_cache(maxsize=2)
def _read_mean(path: str) -> NDArray[Any]:
    mean = read_blob(Path(path))
    return mean.reshape(mean.shape[1:])


@dataclass(frozen=True)
class LabelInNet(Label):
    """Check that every label is there, finite, and one of the classifier's classes or the one that its loss ignores."""

    ignored: int | None = None

    def __call__(self, batch: Batch) -> Findings:
        for index, finding in Label.__call__(self, batch):
            if self.ignored is None:
                yield index, finding
            else:
                yield from ((index, it) for it in self._without_ignored(batch, index))

    def _without_ignored(self, batch: Batch, index: int) -> Iterator[Finding]:
        values = np.asarray(batch.values[index]).reshape(-1)
        values = values[values != self.ignored].reshape(1, -1)
        for _, finding in Label.__call__(self, replace(batch, rows=[0], values=values, absent=())):
            yield finding


@dataclass(frozen=True)
class PixelLabels:
    """Check that every pixel of a picture of labels is a class of the loss, or the label that the loss ignores."""

    classes: int
    ignored: int | None = None

    def __call__(self, batch: Batch) -> Findings:
        if batch.label or batch.field not in ("data", "float_data") or not len(batch.rows) or batch.pixels_skipped:
            return
        suspects = np.flatnonzero((batch.lows < 0) | (batch.highs >= self.classes) | batch.floating)
        for index in suspects.tolist():
            finding = self._pixel_finding(np.asarray(batch.values[index]), batch.field)
            if finding is not None:
                yield index, finding

    def _pixel_finding(self, pixels: NDArray[Any], field: str) -> Finding | None:
        with np.errstate(invalid="ignore"):
            invalid = ~((pixels >= 0) & (pixels < self.classes) & (pixels == np.floor(pixels)))
        if self.ignored is not None:
            invalid &= pixels != self.ignored
        if not invalid.any():
            return None
        first = [int(axis_index) for axis_index in np.unravel_index(int(invalid.argmax()), invalid.shape)]
        value = pixels[tuple(first)]
        return found(
            "label",
            f"{int(invalid.sum())} of {pixels.size} pixels have labels beyond 0 to {self.classes - 1}, first {value:g} "
            f"at {first}",
            field=field,
            label=f"{value:g}",
            count=int(invalid.sum()),
            first=first,
        )


@dataclass(frozen=True)
class Probabilities:
    """Check that every target of a SigmoidCrossEntropyLoss is between 0 and 1, or the label that the loss ignores.

    With any other target the loss has no lower bound: it becomes negative and keeps falling.
    """

    fields: tuple[str, ...]
    ignored: int | None = None

    def __call__(self, batch: Batch) -> Findings:
        if batch.field not in self.fields or not batch.values.size or batch.values.dtype.kind not in "iufb":
            return
        values = batch.values.reshape(len(batch.rows), -1)
        with np.errstate(invalid="ignore"):
            invalid = (values < 0) | (values > 1)
        if self.ignored is not None:
            invalid &= values != self.ignored
        for index in np.flatnonzero(invalid.any(axis=1)).tolist():
            first = int(invalid[index].argmax())
            value, count = values[index, first].item(), int(invalid[index].sum())
            verb = "are" if count > 1 else "is"
            count_text = f"{count} of {values.shape[1]} targets {verb} outside 0 to 1, first {value:g}"
            text = count_text if values.shape[1] > 1 else f"the target is {value:g}, outside 0 to 1"
            caffe = "trains on in silence: the loss becomes negative and falls without end"
            yield index, found("label", text, field=batch.field, label=f"{value:g}", count=count, caffe=caffe)


@dataclass(frozen=True)
class LayerView(View):
    """The view that a layer has of the records: `kind` is the backend, `reads` the fields that the layer has tops for.

    `regression` says that no layer takes the labels as classes, `forced` that pictures are converted to colour or grey.
    """

    kind: str
    reads: tuple[str, ...] | None = None
    checks: tuple[Validator, ...] = ()
    regression: bool = False
    forced: bool = False

    def validators(self) -> Sequence[Validator]:
        return self.checks

    @property
    def pixels(self) -> bool:
        return any(isinstance(it, PixelLabels) for it in self.checks)

    def review(self, block: AnyBlock, row: int | None, findings: Sequence[Finding]) -> Sequence[Finding]:
        """Add to each finding what Caffe would have done; of several findings about one label, keep only the worst."""
        value = block.values[row] if isinstance(block, Block) and row is not None else None
        remaining = list(findings)
        if len(remaining) > 1:
            if any(it.code in ("missing", "list-line", "too-large", "unsupported") for it in remaining):
                remaining = [it for it in remaining if it.code != "empty"]
            labels = [it for it in remaining if it.code == "label"]
            if len({it.verdict for it in labels}) > 1:
                remaining = [it for it in remaining if it.code != "label" or it.verdict == "bad"]
        return [self.with_behaviour(it, value) for it in remaining]

    def with_behaviour(self, finding: Finding, value: bytes | memoryview | None = None) -> Finding:
        """Return the finding with what Caffe would have done, unless it has that already."""
        if "caffe" in finding.details:
            return finding
        if self.reads is not None and finding.field is not None and self._is_unread(finding.field):
            verdict = "suspicious" if finding.verdict == "bad" else finding.verdict
            details = {**finding.details, "caffe": SENTENCES["not-read"]}
            return msgspec.structs.replace(finding, verdict=verdict, details=details)
        name = situation(finding, value, self.kind)
        if self.regression and name in ("label-nan", "label-far", "label-outside"):
            name = "label-regression" if finding.verdict == "bad" else "label-negative"
        if self.forced and name == "format" and "16-bit" in finding.message:
            name = "picture-forced"
        if self.kind == "image-list" and name in ("picture-none", "empty"):
            name = "file-missing"
        details = {**finding.details, "caffe": SENTENCES[name]}
        return msgspec.structs.replace(finding, details=details)

    def _is_unread(self, name: str) -> bool:
        assert self.reads is not None
        return name not in self.reads and name.partition(".")[0] not in self.reads

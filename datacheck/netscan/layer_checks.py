"""Check a layer itself: its parameters, its mean, and how both fit the records."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datacheck.caffe.blobs import read_blob
from datacheck.caffe.initial_weights import is_frozen
from datacheck.caffe.net_flow import flow
from datacheck.caffe.net_sources import NetSource
from datacheck.caffe.parameters import LEARNED
from datacheck.caffe.shapes import infer_shapes
from datacheck.errors import DatacheckError, SourceMissing, SourceUnreadable
from datacheck.files.regular import irregular
from datacheck.model.codes import Verdict
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted
from datacheck.netscan.caffe_behaviour import SENTENCES
from datacheck.netscan.record_checks import Demand
from datacheck.netscan.source_probe import TopDataset
from datacheck.scanning.profile.record_shapes import SourceSample

COUNT_MOST = (1 << 31) - 1
AXES_MOST = 32
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Mean:
    """A mean file that could be read: its path, its channels, height and width, and its least and greatest value."""

    path: str
    shape: tuple[int, int, int]
    low: float
    high: float


def problem(
    code: str, message: str, caffe: str, *, field: str | None = None, verdict: Verdict | None = None
) -> Finding:
    """Return a finding about the layer, with what Caffe would do."""
    return found(code, message, field=field, verdict=verdict, caffe=caffe)


def check_layer(source: NetSource) -> Iterator[Finding]:
    """Yield what is wrong with the layer, whatever it reads."""
    transform = source.transform
    if not source.readable:
        return
    if not source.batch_size:
        yield problem("layer", "batch_size is missing or 0", "aborts at set-up in blob.cpp:133, Check failed: data_")
    if source.type == "HDF5Data":
        if transform.given:
            yield problem(
                "layer",
                "transform_param stands in an HDF5Data layer, which transforms nothing",
                "aborts at set-up in hdf5_data_layer.cpp:77",
            )
        return
    if transform.force_color and transform.force_gray:
        yield problem("layer", "force_color and force_gray exclude each other", "aborts in data_transformer.cpp:135")
    if transform.mean_file == "":
        text = "mean_file is an empty name, which is no file"
        yield problem("mean", text, "aborts at set-up in io.cpp, File not found")
    if transform.mean_file is not None and transform.mean_values:
        yield problem(
            "mean", "mean_file and mean_value exclude each other", "aborts at set-up in data_transformer.cpp:20-21"
        )
    if not math.isfinite(transform.scale):
        yield problem(
            "layer", f"scale is {transform.scale:g}", "takes it in silence, and every value becomes nan or inf"
        )
    elif transform.scale == 0:
        text = "scale is 0: every value becomes 0"
        yield problem("layer", text, "trains on in silence on zeros", verdict="suspicious")
    not_finite = [value for value in transform.mean_values if not math.isfinite(value)]
    if not_finite:
        yield problem(
            "mean", f"mean_value {not_finite[0]:g}", "takes it in silence, and every value becomes nan or inf"
        )
    new_size = source.pictures.new_height, source.pictures.new_width
    if source.type == "ImageData" and min(new_size) == 0 < max(new_size):
        text = "new_height and new_width must both be given, or neither"
        yield problem("layer", text, "aborts at set-up in image_data_layer.cpp")


def read_mean(source: NetSource, path: Path) -> tuple[Mean | None, list[Finding]]:
    """Read the mean file; return it, or None if it is of no use, and the findings about it."""
    name = source.transform.mean_file

    def fault(code: str, message: str, caffe: str) -> tuple[None, list[Finding]]:
        return None, [problem(code, f"{name}: {message}", caffe)]

    try:
        if path.exists() and not path.is_file():
            return fault("mean", irregular(path) or "is not a file", "aborts at set-up, Failed to parse the mean file")
        blob = read_blob(path)
    except SourceMissing:
        return fault("missing", "there is no such mean file", "aborts at set-up in io.cpp, File not found")
    except (SourceUnreadable, OSError) as exc:
        text = exc.strerror if isinstance(exc, OSError) else exc.reason
        finding = found("unsupported", f"{name}: {text}", caffe=SENTENCES["elsewhere"])
        return None, [finding]
    except DatacheckError as exc:
        reason = getattr(exc, "reason", str(exc))
        return fault("mean", reason, "aborts at set-up in io.hpp:78 or blob.cpp:496, with the file's name at best")
    if blob.ndim != 4 or blob.shape[0] != 1:
        text = f"the mean has the shape {'x'.join(map(str, blob.shape))}, not 1 x channels x height x width"
        if blob.ndim != 4:
            return fault("mean", text, "aborts, or takes the axes for others: it wants four")
        return fault("mean", text, "takes the first mean in silence")
    with np.errstate(over="ignore"):
        finite = np.isfinite(blob.astype(np.float32))
    if not finite.all():
        count = int((~finite).sum())
        verb = "is" if count == 1 else "are"
        first = [int(it) for it in np.unravel_index(int((~finite).argmax()), blob.shape)][1:]
        text = f"{count} of {blob.size} values {verb} not finite, first at {first}"
        return fault("mean", text, "subtracts it in silence: every batch of the training becomes nan")
    _, channels, height, width = blob.shape
    return Mean(str(path), (channels, height, width), float(blob.min()), float(blob.max())), []


def demand(source: NetSource, usual: tuple[int, ...] | None, mean: Mean | None, size: int) -> Demand:
    """Return what each record in a batch of `size` must be if records of the usual shape are right."""
    shape = None if usual is None or len(usual) != 3 else (usual[0], usual[1], usual[2])
    crop = source.transform.crop_size
    if shape is None:
        return Demand(crop=crop)
    if min(shape[1:]) < crop:
        crop = 0  # reported once, for the layer
    if mean is not None:
        return Demand(shape, True, crop, "mean-size")
    if source.pictures.new_height and source.pictures.new_width:
        return Demand(shape)
    if source.transform.crop_size:
        return Demand(shape, False, crop)
    if size > 1:
        return Demand(shape, True)
    return Demand(shape, source.fixed is not None, 0, "size-one")


def check_records(source: NetSource, sample: SourceSample, mean: Mean | None) -> Iterator[Finding]:
    """Yield findings if the layer does not fit its usual record, or any record."""
    transform = source.transform
    if sample.records == 0:
        caffe = (
            "aborts in image_data_layer.cpp, File is empty"
            if source.type == "ImageData"
            else "aborts in data_transformer.cpp:465, datum_channels > 0 (0 vs. 0)"
        )
        yield problem("missing", "there is no record in it", caffe)
    shape = _resized_shape(source, sample.usual)
    if (
        source.type == "Data"
        and sample.shapes
        and not sample.encoded
        and (transform.force_color or transform.force_gray)
    ):
        text = "force_color and force_gray are for encoded records only, and these are not"
        yield problem("layer", text, "logs an error for each record and goes on without", verdict="suspicious")
    if shape is None or len(shape) != 3:
        return
    crop = transform.crop_size
    if crop and min(shape[1:]) < crop:
        yield problem("shape", f"crop_size {crop} is larger than the records' {_shape_text(shape)}", SENTENCES["crop"])
    count = len(transform.mean_values)
    if count > 1 and count != shape[0]:
        text = f"{count} mean values for the {shape[0]} channels of the records; it takes 1, or as many as channels"
        yield problem("mean", text, "aborts in data_transformer.cpp:67 or :263")
    if mean is not None and mean.shape != shape:
        text = f"{transform.mean_file}: the mean is {_shape_text(mean.shape)}, the records are {_shape_text(shape)}"
        yield problem("mean", text, SENTENCES["mean-size"])
    yield from _overflow(source, mean)
    yield from _small_mean(source, sample, mean)
    yield from _unscaled(source, sample)
    yield from _label_picture_findings(source, shape)


def _bounds(mean: Mean | None, values: Collection[float]) -> tuple[float, float]:
    """Return the least and the greatest value that is subtracted: of the mean file, or of the mean values."""
    return (mean.low, mean.high) if mean is not None else (min(values, default=0.0), max(values, default=0.0))


def _small_mean(source: NetSource, sample: SourceSample, mean: Mean | None) -> Iterator[Finding]:
    """Yield a finding if a mean of 0 to 1 is subtracted from bytes, which hardly changes them."""
    values = source.transform.mean_values
    low, high = _bounds(mean, values)
    if sample.shapes and low >= 0 and 0 < high < 1:
        text = f"the mean is {low:g} to {high:g}, but it is subtracted from bytes of 0 to 255, before scale"
        caffe = "trains on in silence, with data that is not centred"
        yield problem("mean", text, caffe, verdict="suspicious")


def _unscaled(source: NetSource, sample: SourceSample) -> Iterator[Finding]:
    """Yield a finding if unscaled bytes go into weights that learn at a large rate, and nothing normalises them."""
    transform = source.transform
    is_centred = transform.mean_file or any(transform.mean_values)
    if not sample.bytes or source.rate is None or source.rate < LARGE_RATE or transform.scale != 1 or is_centred:
        return
    if "TRAIN" not in source.phases or source.pixels is not None or not source.tops:
        return
    layers = source.layers
    if any(layer.type in NORMALISING for layer in layers):
        return
    readers = flow(infer_shapes(layers)).behind.get((source.path_in_net, source.tops[0]), ())
    first = next((layer for layer in readers if layer.type in LEARNED and not is_frozen(layer)), None)
    if first is not None:
        text = (
            f"values of 0 to 255 go into {first.name!r} as they are, without a mean and a scale, and base_lr is "
            f"{source.rate:g}"
        )
        caffe = "trains on in silence, mostly to nan or to a loss that stays at 87.3365 or ln(classes)"
        yield problem("layer", text, caffe, verdict="suspicious")


LARGE_RATE = 0.0099
"""Smallest base_lr that is too large for bytes that are neither scaled nor normalised; 0.01 in float32 is above it."""
NORMALISING = ("BatchNorm", "MVN")


def _label_picture_findings(source: NetSource, shape: tuple[int, ...]) -> Iterator[Finding]:
    """Yield why pictures of labels cannot be the labels of a loss: they have several channels, or are changed."""
    if source.pixels is None:
        return
    if shape[0] != 1:
        text = (
            f"the pictures of labels are {_shape_text(shape)}: a loss takes a single channel, the class of each pixel"
        )
        yield problem("label", text, "aborts in softmax_loss_layer.cpp:47, Number of labels must match")
    transform = source.transform
    if transform.scale != 1 or transform.mean_file or any(transform.mean_values):
        text = "scale or mean changes the labels"
        yield problem("label", text, "trains on in silence with labels cut to whole numbers, or of wrong classes")


def check_pairing(source: NetSource, records: int | None, partner: str, others: int | None) -> Iterator[Finding]:
    """Yield a finding if the layer and the one whose predictions are compared with it differ in number of records."""
    if records is None or others is None or records == others:
        return
    text = f"{counted(records, 'record')} for the {others:,} of layer {partner!r}, whose predictions are compared "
    text += "with them"
    caffe = "trains on in silence: each layer starts over at its own end, and from then on their records do not match"
    yield found("row-count", text, rows={source.name: records, partner: others}, caffe=caffe)


def _overflow(source: NetSource, mean: Mean | None) -> Iterator[Finding]:
    """Yield a finding if mean and scale make bytes infinite, which is the fault of the layer and not of a record."""
    scale = source.transform.scale
    values = [value for value in source.transform.mean_values if math.isfinite(value)]
    low, high = _bounds(mean, values)
    if math.isfinite(scale) and max(abs(255 - low), abs(0 - high)) * abs(scale) > LARGEST:
        text = f"(x - mean) * scale is infinite for bytes: the mean is {low:g} to {high:g}, the scale {scale:g}"
        yield problem("inf", text, SENTENCES["overflow"])


def _resized_shape(source: NetSource, shape: tuple[int, ...] | None) -> tuple[int, ...] | None:
    new_size = source.pictures.new_height, source.pictures.new_width
    return (shape[0], *new_size) if shape is not None and len(shape) == 3 and min(new_size) > 0 else shape


def check_tops(
    source: NetSource, files: Sequence[str], tops: Sequence[Sequence[TopDataset] | None]
) -> Iterator[tuple[str, Finding]]:
    """Yield what is wrong with the datasets of an HDF5Data layer's tops, each with the file that it is about."""
    first_shapes: dict[str, tuple[str, tuple[int, ...]]] = {}
    for file, datasets in zip(files, tops, strict=True):
        if datasets is None:
            continue
        rows = []
        for name, dataset in zip(source.tops, datasets, strict=True):
            finding = _dataset_finding(name, dataset)
            if finding is not None:
                yield file, finding
                continue
            rows.append((name, dataset.shape[0]))
            first_file, shape = first_shapes.setdefault(name, (file, dataset.shape[1:]))
            if shape != dataset.shape[1:]:
                yield file, _shape_finding(name, dataset.shape[1:], shape, first_file)
        if len({count for _, count in rows}) > 1:
            counts_text = ", ".join(f"{name} has {count}" for name, count in rows)
            text = f"the tops' datasets differ in rows: {counts_text}"
            yield file, found("row-count", text, rows=dict(rows), caffe=SENTENCES["rows"])


def row_shapes(source: NetSource, tops: Sequence[Sequence[TopDataset] | None]) -> dict[str, tuple[int, ...]]:
    """Return the shape of a row of each top whose rows have the same shape in all files."""
    shapes_by_top: dict[str, set[tuple[int, ...]]] = {}
    for datasets in tops:
        for name, dataset in zip(source.tops, datasets or (), strict=False):
            shapes_by_top.setdefault(name, set()).add(dataset.shape[1:] if dataset.missing is None else (-1,))
    return {name: shapes.pop() for name, shapes in shapes_by_top.items() if len(shapes) == 1 and (-1,) not in shapes}


def _dataset_finding(name: str, dataset: TopDataset) -> Finding | None:
    def fault(code: str, message: str, caffe: str) -> Finding:
        return problem(code, message, caffe, field=name, verdict="bad")

    if dataset.missing is not None:
        return fault("missing", dataset.missing, "aborts in hdf5.cpp:15, Failed to find HDF5 dataset")
    if dataset.kind not in ("H5T_FLOAT", "H5T_INTEGER"):
        text = f"the dataset is of class {dataset.kind}; Caffe reads H5T_FLOAT and H5T_INTEGER"
        return fault("wrong-format", text, "aborts in hdf5.cpp:41, Unsupported datatype class")
    if not dataset.shape:
        return fault("shape", "the dataset has no axes", "aborts in hdf5.cpp:22, ndims >= min_dim (0 vs. 1)")
    if not dataset.shape[0]:
        return fault("missing", "the dataset has 0 rows", "aborts in blob.cpp:133, Check failed: data_")
    if len(dataset.shape) > AXES_MOST:
        text = f"the dataset has {len(dataset.shape)} axes; a blob holds at most {AXES_MOST}"
        return fault("shape", text, "aborts in blob.cpp:24")
    if math.prod(dataset.shape) > COUNT_MOST:
        text = (
            f"the dataset has {math.prod(dataset.shape)} values; Caffe loads a file as one blob of at most {COUNT_MOST}"
        )
        return fault("too-large", text, "aborts in blob.cpp:34")
    return None


def _shape_finding(name: str, shape: tuple[int, ...], expected: tuple[int, ...], first_file: str) -> Finding:
    is_smaller = math.prod(shape) < math.prod(expected)
    caffe = (
        "does not test it: trains on garbage from beyond the rows, or crashes with SIGSEGV"
        if is_smaller
        else "does not test it: reads the rows at the wrong places in silence"
    )
    text = f"rows are {list(shape)}, in {first_file} they are {list(expected)}"
    return found("shape", text, field=name, found=list(shape), expected=list(expected), caffe=caffe)


def _shape_text(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))

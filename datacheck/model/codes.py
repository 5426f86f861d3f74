"""The verdicts and the reason codes."""

from __future__ import annotations

from typing import Literal

Verdict = Literal["bad", "suspicious", "unverifiable"]
VERDICTS: tuple[Verdict, ...] = ("bad", "unverifiable", "suspicious")
"""Worst first: a record with several findings counts under the first of these that it has."""

CODES: dict[str, tuple[Verdict, str]] = {
    "truncated-store": ("bad", "the store's files end before the store does"),
    "damaged-store": ("bad", "the store's structure is broken"),
    "checksum": ("bad", "a checksum kept in the store does not match"),
    "unreadable": ("bad", "the store's library could not return this record"),
    "crash": ("bad", "reading or decoding it killed the worker"),
    "timeout": ("bad", "used more processor time than --timeout"),
    "too-large": ("bad", "would need more memory than allowed"),
    "empty": ("bad", "a value of zero bytes"),
    "undecodable": ("bad", "not a valid payload of the kind the rest of the store holds"),
    "truncated": ("bad", "the payload ends early"),
    "corrupt-image": ("bad", "a strict image decoder objects"),
    "size-mismatch": ("bad", "len(data) is not channels x height x width"),
    "nan": ("bad", "NaN values"),
    "inf": ("bad", "infinite values"),
    "out-of-range": ("bad", "values outside --range"),
    "shape": ("bad", "not the expected shape"),
    "label": ("bad", "the label is absent, not finite or not allowed"),
    "row-count": ("bad", "HDF5 datasets that belong together differ in length"),
    "missing": ("bad", "a file, database or dataset that is named is not there"),
    "mean": ("bad", "a mean file or mean values that do not fit, or are not finite"),
    "layer": ("bad", "a layer of the network that Caffe would not set up, or not as it is meant"),
    "malformed-prototxt": ("bad", "a prototxt that Caffe would not parse"),
    "unknown-field": ("bad", "a prototxt has a field that Caffe does not have: it aborts"),
    "solver": ("bad", "a setting with which the solver aborts, does nothing or diverges"),
    "learning-rate": ("bad", "the learning rate is or becomes NaN, infinite, negative or zero"),
    "empty-window": ("bad", "pooling windows with nothing in them: NaN or -FLT_MAX"),
    "normalisation": ("bad", "a normalisation that divides by zero, or by statistics that are not there"),
    "loss": ("bad", "a loss that is or becomes NaN or infinite"),
    "math-domain": ("bad", "a layer whose values leave the real numbers"),
    "weights": ("bad", "initial weights that are not finite, or that Caffe refuses to make"),
    "list-line": ("bad", "a line of a list that Caffe reads as something else"),
    "missing-filter": ("unverifiable", "an HDF5 filter is not installed"),
    "unknown-payload": ("unverifiable", "bytes that no decoder knows"),
    "unsupported": ("unverifiable", "a part of the store that datacheck does not follow or read"),
    "source-changed": ("unverifiable", "the source was changed while it was read"),
    "internal-error": ("unverifiable", "datacheck itself failed here; says nothing of the data"),
    "not-closed": ("suspicious", "the store's writer still has it open, or ended without closing it"),
    "wrong-format": ("suspicious", "readable, but not what its neighbours are"),
    "constant": ("suspicious", "every value the same"),
    "half-overflow": ("suspicious", "finite, but beyond float16"),
    "trailing-data": ("suspicious", "bytes after the end of the payload"),
    "orphan": ("suspicious", "nothing in the store leads to it: it may be an old version, or deleted"),
    "stale": ("suspicious", "a newer write of this key may have been lost"),
    "class-missing": ("suspicious", "a class that never occurs"),
    "sorted": ("suspicious", "the records come sorted by label"),
    "exploding": ("bad", "a training log: the loss or its gradients grow until they are infinite or NaN"),
    "sudden-nan": ("bad", "a training log: the loss is NaN or infinite without having grown"),
    "saturated": ("bad", "a training log: the softmax puts out only 0 and 1, and is wrong"),
    "dead-network": ("bad", "a training log: the loss stands still at what guessing costs"),
    "layer-nan": ("bad", "a training log: the layer in which debug_info first shows NaN or infinity"),
    "aborted": ("bad", "a training log: the run died of a failed check, an exception or a signal"),
    "no-iterations": ("bad", "a training log: the run ended without a single iteration"),
    "clipping": ("suspicious", "a training log: gradients are clipped at every step"),
}
"""Every reason code: its verdict and its meaning. Codes are stable; new ones may come."""

"""Sentences on what Caffe does in each situation, observed with BVLC Caffe 9b89154, Release build.

The places in its source are those of that commit. `situation` chooses the sentence for a finding.
"""

from __future__ import annotations

import math

from datacheck.decoders.datum.message import DATA, LABEL, Datum, parse
from datacheck.decoders.pictures.picture import sniff
from datacheck.model.finding import Finding

SENTENCES: dict[str, str] = {
    # a Datum's bytes
    "data-cut": "ignores that the message does not parse (data_layer.cpp:98) and trains on in silence: the missing "
    "pixels are those of the record before, the label is 0",
    "label-cut": "ignores that the message does not parse (data_layer.cpp:98) and trains on in silence with label 0",
    "flag-cut": "ignores that the message does not parse (data_layer.cpp:98); only the flag encoded is lost, harmless",
    "nothing-left": "crashes with SIGSEGV: it reads the pixels of an empty field",
    "encoded-cut": "aborts in data_transformer.cpp:167, channels == datum_channels (3 vs. 0), without the record's key",
    "no-datum": "aborts in data_transformer.cpp:167, channels == datum_channels, or takes what parses for the record",
    "data-short": "trains on in silence: it reads beyond the data, mostly the pixels of the record before",
    "data-long": "trains on in silence: what is behind the pixels is ignored",
    "no-data": "crashes with SIGSEGV: there is neither data nor float_data to read",
    "floats-short": "crashes with SIGSEGV, or reads whatever lies behind the floats",
    "floats-long": "trains on in silence: what is behind the values is ignored",
    "flag-lost": "aborts in data_transformer.cpp:167, channels == datum_channels (3 vs. 0): without the flag encoded "
    "the picture is not decoded",
    "declared": "trains on in silence: of an encoded Datum it decodes the picture and ignores the sizes beside it",
    "empty": "aborts in data_transformer.cpp:167, channels == datum_channels (3 vs. 0); as the first of a batch in "
    ":465, datum_channels > 0",
    "trailing": "trains on in silence: bytes behind the payload are ignored",
    "floats-ignored": "ignores float_data, since there is data too (data_transformer.cpp:103)",
    # pictures
    "picture-empty": "aborts with an uncaught cv::Exception, !buf.empty() in imdecode_",
    "picture-none": 'logs "Could not decode datum" (io.cpp:173) and aborts in data_transformer.cpp:239, '
    "channels == img_channels; as the first of a batch in :294, cv_cropped_img.data",
    "picture-cut": "trains on in silence: the missing rows are copies of the last one that was decoded, or of the "
    "picture before",
    "picture-garbled": "trains on in silence with the garbled pixels; libjpeg may say so on standard error, without "
    "the record",
    "picture-16-bit": "aborts in data_transformer.cpp:244, Image data type must be unsigned byte",
    "picture-forced": "converts it to 8 bit in silence",
    "file-missing": "aborts in image_data_layer.cpp:129, Could not load, with the file's name",
    # values
    "nan": "computes nan as the loss of this batch (shown as Batch N, never the record), and in training as every "
    "weight; MAX pooling swallows it, and the loss then freezes at ln(classes)",
    "inf": "computes inf or nan as the loss of this batch (shown as Batch N, never the record)",
    "overflow": "computes inf in float32, and nan from it in the loss",
    "narrowed": "converts it to float32, where it is infinite: the loss becomes inf or nan",
    "half": "computes in float32, where this is finite; what squares it may become inf",
    "range": "trains on in silence: it knows of no range",
    "constant": "trains on in silence; MVN and BatchNorm divide by nothing but eps here",
    "format": "trains on in silence: it reads both kinds",
    # labels
    "label-outside": "trains on in silence: it reads and writes outside the loss's memory (softmax_loss_layer.cpp:106, "
    ":139), the range test is a DCHECK, off in Release",
    "label-far": "crashes with SIGSEGV: the label is an index far outside the loss's memory "
    "(softmax_loss_layer.cpp:106)",
    "label-nan": "crashes with SIGSEGV: int(NaN) is an index far outside the loss's memory",
    "label-fraction": "trains on in silence: as an index the label is cut to an integer",
    "label-lost": "trains on in silence with label 0",
    "label-regression": "computes with the label as it is: the loss becomes nan",
    "label-negative": "trains on in silence: no loss here takes it as a class",
    # sizes
    "channels": "aborts in data_transformer.cpp:167, channels == datum_channels",
    "channels-encoded": "aborts in data_transformer.cpp:239, channels == img_channels",
    "size": "aborts in data_transformer.cpp:168, height <= datum_height, or :176; as the first of a batch it has the "
    "next, healthy record blamed",
    "size-one": "aborts in inner_product_layer.cpp:64, K_ == new_K",
    "crop": "aborts in data_transformer.cpp:55-56 or :466-467, the record is smaller than the crop",
    "mean-size": "aborts in data_transformer.cpp:59-63 or :256-259, the mean file has the sizes of the whole record",
    # stores
    "store-cut": "crashes with SIGBUS where the file ends, at once or after many batches; cut to almost nothing it "
    "aborts in db_lmdb.hpp:15",
    "store-damaged": "aborts in db_lmdb.hpp:15 (MDB_INVALID) if the meta pages are broken; else it aborts at what is "
    "no Datum, or reads what is there in silence: LMDB keeps no checksums",
    "leveldb-damaged": "skips or garbles records in silence, since verify_checksums is off; a table that is cut or "
    "gone aborts it in db_leveldb.hpp:19",
    "orphan": "never sees it: the store's library reads only what the store's own index leads to",
    "stale": "trains on this value in silence, whether it is the newest or not",
    "hdf5-damaged": "aborts in hdf5_data_layer.cpp:32, Failed opening HDF5 file, or hdf5.cpp:94, Failed to read float "
    "dataset data",
    "hdf5-not-closed": "aborts in hdf5_data_layer.cpp:32, Failed opening HDF5 file: the library refuses it",
    "kills": "crashes or hangs at this record, most likely: so did the library that reads it",
    "not-read": "does not read this: no top of the layer is called so",
    "unknown": "takes it for a Datum whatever it is: what parses is used, the rest is ignored",
    "elsewhere": "goes on where it can; datacheck could not verify this part",
    # classes
    "class-missing": "trains on in silence; a loss that is balanced by class divides by zero for this one",
    "sorted": "trains on in silence on batches of one class after the other: the layer does not shuffle",
    "axes": "takes the height for the channels: it trains on in silence on pictures in slices",
    "rows": "aborts in hdf5_data_layer.cpp:55, hdf_blobs_[i]->shape(0) == num, without file or dataset",
}


def situation(finding: Finding, value: bytes | memoryview | None, kind: str) -> str:
    """Return the name of the situation of a finding.

    `value` is the value of the record, and `kind` the backend.
    """
    code = finding.code
    if code in _BY_CODE:
        return _BY_CODE[code]
    if code in ("truncated-store", "damaged-store", "checksum", "unreadable"):
        return _store_situation(finding, value, kind)
    if code == "label":
        return _label_situation(finding)
    if code in ("nan", "inf"):
        return "floats-ignored" if finding.field == "float_data" else code
    if code in ("list-line", "missing"):
        return "label-lost" if finding.details.get("situation") == "label" else "file-missing"
    if value is None or not len(value):
        return "empty" if code == "empty" else "elsewhere"
    return _datum_situation(finding, value)


_BY_CODE = {
    "row-count": "rows",
    "out-of-range": "range",
    "constant": "constant",
    "half-overflow": "half",
    "wrong-format": "format",
    "crash": "kills",
    "timeout": "kills",
    "unknown-payload": "unknown",
    "missing-filter": "elsewhere",
    "unsupported": "elsewhere",
    "class-missing": "class-missing",
    "sorted": "sorted",
    "axis-order": "axes",
    "orphan": "orphan",
    "not-closed": "hdf5-not-closed",
    "stale": "stale",
}


def _store_situation(finding: Finding, value: bytes | memoryview | None, kind: str) -> str:
    if kind == "hdf5":
        return "hdf5-damaged"
    if value is not None and finding.field == "data":  # the checksum of a PNG in the record
        return _datum_situation(finding, value)
    if kind == "leveldb":
        return "leveldb-damaged"
    return "store-cut" if finding.code == "truncated-store" else "store-damaged"


FAR = 100_000
"""Labels of at least this size were seen to crash Caffe; one of 255 did not."""


def _label_situation(finding: Finding) -> str:
    text = finding.details.get("label")
    if text is None:
        return "label-lost"
    number = float(text)
    if math.isnan(number):
        return "label-nan"
    if abs(number) >= FAR:
        return "label-far"
    return "label-outside" if number.is_integer() else "label-fraction"


def _datum_situation(finding: Finding, value: bytes | memoryview) -> str:
    """Return the situation for a faulty Datum, of which Caffe uses whatever protobuf could parse."""
    datum, wire = parse(value)
    if finding.code == "trailing-data":
        return "trailing"
    if wire is not None and wire.verdict == "bad":
        return _broken_message_situation(wire, datum, value)
    if datum.encoded:
        return _picture_situation(finding, datum)
    if finding.code == "size-mismatch":
        return _size_situation(datum)
    return "elsewhere"


def _broken_message_situation(wire: Finding, datum: Datum, value: bytes | memoryview) -> str:
    if min(datum.shape) <= 0:
        return "encoded-cut" if wire.code == "truncated" else "no-datum"
    if wire.code != "truncated":
        return "no-datum"
    if not datum.data and not datum.floats:
        start = datum.spans.get(DATA, (len(value), 0))[0]
        return "data-cut" if start < len(value) else "nothing-left"
    return "flag-cut" if LABEL in datum.numbers else "label-cut"


def _size_situation(datum: Datum) -> str:
    count = datum.shape[0] * datum.shape[1] * datum.shape[2]
    if datum.data:
        if min(datum.shape) <= 0:
            return "flag-lost" if sniff(datum.data) else "empty"
        return "data-short" if len(datum.data) < count else "data-long"
    floats = sum(map(len, datum.floats))
    if min(datum.shape) <= 0:
        return "empty"
    if not floats:
        return "no-data"
    return "floats-short" if floats < count else "floats-long"


def _picture_situation(finding: Finding, datum: Datum) -> str:
    data = bytes(datum.data or b"")
    if not data:
        return "picture-empty"
    if finding.code == "size-mismatch":
        return "declared"
    if sniff(data) != "JPEG":
        return "picture-none"
    scanned = data.find(b"\xff\xda")
    if scanned < 0 or finding.code == "undecodable":
        return "picture-none"
    return "picture-cut" if finding.code == "truncated" else "picture-garbled"

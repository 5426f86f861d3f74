"""The payloads that datacheck decodes: a table with one row per payload, and functions that look decoders up."""

from __future__ import annotations

import importlib
from functools import cache

import msgspec

from datacheck.decoders.interface import Decoder, Value
from datacheck.model.profile import UNKNOWN


class Payload(msgspec.Struct, frozen=True):
    """A row of DECODERS: the decoder's module and class, what it decodes, and the title of its records in headlines.

    In `title`, "{field}" stands for the name of the records' main field. Payloads with `beside` accompany the records
    worth training on, but are not such records themselves. A decoder with `rows` takes a RowBlock; all others take
    single values. Modules in `late` are not loaded with the decoder, but by the first record that needs them. Payloads
    that are `walked` have no fields.
    """

    decoder: tuple[str, str]
    decodes: str
    title: str
    beside: bool = False
    rows: bool = False
    late: tuple[str, ...] = ()
    walked: bool = False


def _media(cls: str, format_name: str, title: str) -> Payload:
    title += " (structure checked, samples not decoded)"
    return Payload(
        ("datacheck.decoders.media.decoder", cls), f"{format_name}: structure and checksums", title=title, walked=True
    )


LATE = tuple(f"datacheck.decoders.pictures.{name}" for name in ("jpeg", "png", "pillow"))
"""The modules that load picture libraries."""
DECODERS: dict[str, Payload] = {
    "picture": Payload(
        ("datacheck.decoders.pictures.decoder", "PictureDecoder"),
        "bare JPEG, PNG, WebP, GIF, BMP or TIFF files",
        title="pictures",
        late=LATE,
    ),
    "npy": Payload(("datacheck.decoders.npy", "NpyDecoder"), "NumPy .npy bytes", title=".npy arrays"),
    "datum": Payload(
        ("datacheck.decoders.datum.decoder", "DatumDecoder"),
        "Caffe Datum: raw data, float_data or an encoded picture",
        title="Datum",
        late=(*LATE, "datacheck.decoders.datum.alike"),
    ),
    "pickle": Payload(
        ("datacheck.decoders.pickles.decoder", "PickleDecoder"),
        "pickles of arrays, tensors, numbers and pictures, in any nesting; nothing is unpickled",
        title="pickles of {field}",
        late=LATE,
    ),
    "npz": Payload(
        ("datacheck.decoders.archives.npz", "NpzDecoder"),
        "NumPy .npz archives",
        title=".npz archives with {field}",
        late=LATE,
    ),
    "torch": Payload(
        ("datacheck.decoders.archives.torch_zip", "TorchDecoder"),
        "what torch.save writes: tensors, numbers and texts in any nesting; nothing is unpickled",
        title="torch.save archives with {field}",
        late=LATE,
    ),
    "safetensors": Payload(
        ("datacheck.decoders.archives.safetensors", "SafetensorsDecoder"),
        "safetensors",
        title="safetensors with {field}",
    ),
    "wav": _media("WavDecoder", "wav sound", "wav files"),
    "flac": _media("FlacDecoder", "FLAC sound", "FLAC files"),
    "ogg": _media("OggDecoder", "Ogg sound and video", "Ogg files"),
    "mp4": _media("Mp4Decoder", "mp4 and QuickTime video", "mp4 files"),
    "mkv": _media("MkvDecoder", "Matroska and WebM video", "Matroska files"),
    "tensorprotos": Payload(
        ("datacheck.decoders.messages.tensor_protos", "TensorProtosDecoder"),
        "Caffe2's TensorProtos",
        title="TensorProtos with {field}",
        late=LATE,
    ),
    "annotated-datum": Payload(
        ("datacheck.decoders.messages.annotated_datum", "AnnotatedDatumDecoder"),
        "SSD's AnnotatedDatum: a Datum with boxes",
        title="AnnotatedDatum",
        late=LATE,
    ),
    "audio-example": Payload(
        ("datacheck.decoders.messages.audio_example", "AudioExampleDecoder"),
        "RAVE's AudioExample",
        title="AudioExample with {field}",
    ),
    "tf-example": Payload(
        ("datacheck.decoders.messages.tf_example", "TfExampleDecoder"),
        "TensorFlow's Example and SequenceExample, features by name",
        title="TensorFlow Example with {field}",
        late=LATE,
    ),
    "arrow": Payload(
        ("datacheck.decoders.messages.arrow", "ArrowDecoder"),
        "Arrow IPC streams, files (Feather) and tensors, with pyarrow",
        title="Arrow streams with {field}",
        late=LATE,
    ),
    "msgpack": Payload(
        ("datacheck.decoders.trees.msgpack_decoder", "MsgpackDecoder"),
        "msgpack maps and lists, with the arrays of msgpack-numpy",
        title="msgpack with {field}",
        late=LATE,
    ),
    "json": Payload(
        ("datacheck.decoders.trees.json_text", "JsonDecoder"),
        "JSON objects and lists, with NaN, and lines of JSON",
        title="JSON with {field}",
        late=(*LATE, "datacheck.decoders.trees.json_alike"),
    ),
    "raw": Payload(
        ("datacheck.decoders.raw", "RawDecoder"),
        "raw arrays without a header, whose dtype and shape --array gives",
        title="raw arrays",
    ),
    "decimal": Payload(
        ("datacheck.decoders.text", "DecimalDecoder"),
        "decimal numbers, as picture stores keep beside the pictures",
        title="decimal numbers",
        beside=True,
    ),
    "text": Payload(
        ("datacheck.decoders.text", "TextDecoder"),
        "UTF-8 text, as picture stores keep beside the pictures",
        title="texts",
        beside=True,
    ),
    "byte": Payload(
        ("datacheck.decoders.text", "ByteDecoder"),
        "single bytes, as picture stores keep labels beside the pictures",
        title="single bytes",
        beside=True,
    ),
    "rows": Payload(
        ("datacheck.decoders.rows", "RowsDecoder"), "rows of HDF5 datasets", title="rows with {field}", rows=True
    ),
}
"""The payloads by name, in the order in which their decoders are tried."""

SIDE_DECODERS = frozenset(name for name, row in DECODERS.items() if row.beside)
"""Payloads that accompany the records worth training on, but are not such records themselves."""


WRAPPERS = ("gzip", "zstd", "lz4", "zlib", "bz2", "xz", "blosc", "blosc2", "snappy", "lz4-block", "base64")
"""Wrappers that payloads may be in; their names are joined with those of the payloads, as in "zlib+json"."""
UNKNOWN_INSIDE = Payload(
    ("datacheck.decoders.wrappers.decoder", "UnknownInside"), "bytes that no decoder knows", title="unknown payloads"
)
JOINT = "+"


def payload(name: str) -> Payload:
    """Return the row of a payload, or a row made for a wrapped payload; raises KeyError for an unknown name."""
    wrapper, joint, inner = name.partition(JOINT)
    if not joint:
        return DECODERS[name]
    if wrapper not in WRAPPERS or name.count(JOINT) > 2:
        raise KeyError(name)
    row = UNKNOWN_INSIDE if inner == UNKNOWN else payload(inner)
    if row.rows:
        raise KeyError(name)
    return msgspec.structs.replace(row, title=f"{wrapper} of {row.title}")


def is_decoder(name: str) -> bool:
    """Check whether a decoder has this name."""
    try:
        payload(name)
    except KeyError:
        return False
    return True


def rank(name: str) -> int:
    """Return the position of a payload in the order of decoders; a wrapped payload has that of its content."""
    inner = name.rpartition(JOINT)[2]
    return list(DECODERS).index(inner) if inner in DECODERS else len(DECODERS)


@cache
def decoder(name: str) -> Decoder:
    """Return the decoder with this name; raises KeyError for an unknown name."""
    wrappers = name.split(JOINT)[:-1]
    module, cls = payload(name).decoder
    result: Decoder = getattr(importlib.import_module(module), cls)()
    if wrappers:
        from datacheck.decoders.wrappers.decoder import wrapped

        result = wrapped(tuple(wrappers), result)
    return result


def load_all() -> None:
    """Load every decoder and all its late modules, so that no record has to wait for an import."""
    for name, row in DECODERS.items():
        decoder(name)
        for module in row.late:
            importlib.import_module(module)


def kind(value: Value) -> str | None:
    """Return the name of the first decoder that knows the value, prefixed with its wrappers, or None if none does."""
    from datacheck.decoders.wrappers.table import MOST, is_guess, peel_once

    name, guessed = "", False
    for _ in range(MOST):
        peeled = peel_once(value)
        if peeled is None:
            break
        guessed = guessed or is_guess(value, *peeled)
        name, value = f"{name}{peeled[0]}{JOINT}", peeled[1].value
    inner = next((name_inside for name_inside in value_decoders() if decoder(name_inside).knows(value)), None)
    if inner is None and name and not guessed:
        inner = UNKNOWN
    return None if inner is None else name + inner


def value_decoders() -> list[str]:
    """Return the names of the decoders that take single values, the records of key-value stores."""
    return [name for name, row in DECODERS.items() if not row.rows]

"""Build messages of other projects: TensorProtos, AudioExample, AnnotatedDatum and Example, and Arrow IPC."""

import struct

import numpy as np

from datacheck.varint import varint


def number(field, value):
    return varint(field << 3) + varint(value & (1 << 64) - 1)


def held(field, data):
    return varint(field << 3 | 2) + varint(len(data)) + bytes(data)


def single(field, value):
    return varint(field << 3 | 5) + struct.pack("<f", value)


def packed(values):
    return b"".join(varint(int(it) & (1 << 64) - 1) for it in np.asarray(values).ravel())


def tensor(values, kind=1, name=""):
    """Return a TensorProto.

    Kinds are float32 (1), int32 (2), bytes (3), uint8 as numbers (6), int8 (7), int64 (10), float16 (12), double (13).
    """
    values = np.asarray(values)
    made = b"".join(number(1, it) for it in values.shape) + number(2, kind)
    where = {1: 3, 2: 4, 3: 5, 6: 4, 7: 4, 10: 10, 12: 4, 13: 9}[kind]
    if kind == 12:
        values = values.astype("<f2").view("<u2")
    data = values.tobytes() if where in (3, 5, 9) else packed(values)
    return made + held(where, data) + (held(7, name.encode()) if name else b"")


def tensor_protos(*tensors):
    return b"".join(held(1, it) for it in tensors)


def audio_example(samples, precision=3, name="waveform", shape=None, metadata=None):
    samples = np.asarray(samples)
    data = samples.tobytes()
    shape = (samples.shape[0], len(data) // samples.shape[0]) if shape is None else shape
    buffer = held(1, packed(shape)) + number(2, 44100) + held(3, data) + (number(4, precision) if precision else b"")
    made = held(1, held(1, name.encode()) + held(2, buffer))
    return made + b"".join(held(2, held(1, k.encode()) + held(2, v.encode())) for k, v in (metadata or {}).items())


def annotated_datum(datum, *groups, kind=0):
    """Return an AnnotatedDatum: `groups` are pairs of a label and boxes of four floats."""
    made = held(1, datum) + (b"" if kind is None else number(2, kind))
    for label, boxes in groups:
        annotations = b""
        for at, box in enumerate(boxes):
            corners = b"".join(single(field, it) for field, it in enumerate(box, 1))
            annotations += held(2, number(1, at) + held(2, corners + number(6, 0)))
        made += held(3, number(1, label) + annotations)
    return made


def tf_example(**features):
    made = b""
    for name, values in features.items():
        if isinstance(values, bytes):
            feature = held(1, held(1, values))
        elif np.asarray(values).dtype.kind == "f":
            feature = held(2, held(1, np.asarray(values, "<f4").tobytes()))
        else:
            feature = held(3, held(1, packed(values)))
        made += held(1, held(1, name.encode()) + held(2, feature))
    return held(1, made)


def arrow_stream(**columns):
    """Return an Arrow IPC stream, as pyarrow writes it."""
    import pyarrow as pa

    table = pa.table(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def arrow_message(kind, body=b""):
    """Return an Arrow IPC message with this body, whose header holds only its kind and the length of the body."""
    entries = struct.pack("<6H", 12, 24, 4, 6, 16, 8)
    table = struct.pack("<ihBxqIxxxx", 12, 4, kind, len(body), 0)
    flat = struct.pack("<I", 16) + entries + table
    return b"\xff\xff\xff\xff" + struct.pack("<I", len(flat)) + flat + body


ARROW_END = b"\xff\xff\xff\xff\0\0\0\0"

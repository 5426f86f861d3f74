"""Encode msgpack as the library and msgpack-numpy do."""

import struct

import numpy as np


def sized(marks, fixed, count):
    """Return the shortest header for `count` bytes or items."""
    if fixed is not None and count < (32 if fixed == 0xA0 else 16):
        return bytes([fixed | count])
    for mark, code in marks:
        if count < 1 << 8 * struct.calcsize(code):
            return bytes([mark]) + struct.pack(f">{code}", count)
    raise AssertionError


def packed(it, raw=False):
    """Return msgpack as the library writes it; with `raw`, bytes become texts, keys of arrays too, as before 2.0."""
    if it is None or isinstance(it, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[it]
    if isinstance(it, int):
        if -32 <= it < 128:
            return struct.pack("b", it)
        signed, unsigned = (
            ((0xD0, "b"), (0xD1, "h"), (0xD2, "i"), (0xD3, "q")),
            ((0xCC, "B"), (0xCD, "H"), (0xCE, "I"), (0xCF, "Q")),
        )
        for mark, code in signed if it < 0 else unsigned:
            bits = 8 * struct.calcsize(code) - (it < 0)
            if -(1 << bits) <= it < 1 << bits:
                return bytes([mark]) + struct.pack(f">{code}", it)
    if isinstance(it, np.float32):
        return b"\xca" + struct.pack(">f", it)
    if isinstance(it, float):
        return b"\xcb" + struct.pack(">d", it)
    if isinstance(it, str) or (raw and isinstance(it, bytes)):
        data = it.encode() if isinstance(it, str) else it
        marks = ((0xDA, "H"), (0xDB, "I")) if raw else ((0xD9, "B"), (0xDA, "H"), (0xDB, "I"))
        return sized(marks, 0xA0, len(data)) + data
    if isinstance(it, bytes):
        return sized(((0xC4, "B"), (0xC5, "H"), (0xC6, "I")), None, len(it)) + it
    if isinstance(it, np.ndarray):
        structured = it.dtype.kind == "V"
        kind = {"nd": True, "type": it.dtype.descr if structured else it.dtype.str, "kind": b"V" if structured else b""}
        held = {**kind, "shape": list(it.shape), "data": it.tobytes()}
        return packed({key.encode(): value for key, value in held.items()}, raw)
    if isinstance(it, dict):
        pairs = b"".join(packed(key, raw) + packed(value, raw) for key, value in it.items())
        return sized(((0xDE, "H"), (0xDF, "I")), 0x80, len(it)) + pairs
    return sized(((0xDC, "H"), (0xDD, "I")), 0x90, len(it)) + b"".join(packed(part, raw) for part in it)

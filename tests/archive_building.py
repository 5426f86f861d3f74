"""Build archives of arrays in the formats that NumPy, torch and safetensors write."""

import io
import json
import struct
import zipfile

import numpy as np

STORAGES = {
    "<f4": "FloatStorage",
    "<f8": "DoubleStorage",
    "<f2": "HalfStorage",
    "<i8": "LongStorage",
    "|u1": "ByteStorage",
}
NAMES = {"<f4": "F32", "<f8": "F64", "<f2": "F16", "<i8": "I64", "|u1": "U8", "|b1": "BOOL", "<u2": "BF16"}


def npz(compressed=False, **arrays):
    file = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(file, **arrays)
    return file.getvalue()


def zipped(members, method=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def text(it):
    return b"X" + struct.pack("<I", len(it)) + it.encode()


def number(it):
    return b"J" + struct.pack("<i", it)


def in_tuple(*items):
    return b"(" + b"".join(items) + b"t"


def torch_pickle(values, storages=STORAGES):
    """Return the pickle of a dict of tensors and numbers, and its raw storages, as torch writes them."""
    made, raw = b"\x80\x02}(", []
    for key, it in values.items():
        made += text(key)
        if isinstance(it, int):
            made += number(it)
            continue
        of = b"c" + f"torch\n{storages[it.dtype.str]}\n".encode()
        storage = in_tuple(text("storage"), of, text(str(len(raw))), text("cpu"), number(it.size)) + b"Q"
        steps = [step // it.itemsize for step in it.strides]
        size, strides = in_tuple(*map(number, it.shape)), in_tuple(*map(number, steps))
        hooks = b"ccollections\nOrderedDict\n)R"
        made += (
            b"ctorch._utils\n_rebuild_tensor_v2\n" + in_tuple(storage, number(0), size, strides, b"\x89", hooks) + b"R"
        )
        raw.append(it.tobytes())
    return made + b"u.", raw


def torch_save(values, root="archive", order=b"little", **options):
    pickled, raw = torch_pickle(values, **options)
    storages = {f"{root}/data/{at}": it for at, it in enumerate(raw)}
    return zipped({f"{root}/data.pkl": pickled, f"{root}/byteorder": order, **storages, f"{root}/version": b"3\n"})


def safetensors(arrays, names=NAMES, **extra):
    held, at = dict(extra), 0
    for name, it in arrays.items():
        held[name] = {"dtype": names[it.dtype.str], "shape": list(it.shape), "data_offsets": [at, at + it.nbytes]}
        at += it.nbytes
    return safetensors_of(held, b"".join(it.tobytes() for it in arrays.values()))


def safetensors_of(header, data):
    said = header if isinstance(header, bytes) else json.dumps(header).encode()
    said += b" " * (-len(said) % 8)
    return struct.pack("<Q", len(said)) + said + data

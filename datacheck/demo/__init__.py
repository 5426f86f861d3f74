"""Build a small damaged dataset of each kind, from real pictures, for people to try datacheck on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5 import creating
from datacheck.backends.leveldb import log_writer
from datacheck.backends.lmdb.library import create
from datacheck.decoders.datum.message import encode
from datacheck.decoders.pictures.decoder import read_picture
from datacheck.errors import ReportFailed, UsageError
from datacheck.reporting.advice import shell

RECORDS = 48


NET = """\
layer {
  name: "photos" type: "Data" top: "data" top: "label"
  transform_param { crop_size: 56 mirror: true mean_value: 104 mean_value: 117 mean_value: 123 }
  data_param { source: "photos_lmdb" backend: LMDB batch_size: 16 }
}
layer { name: "pool" type: "Pooling" bottom: "data" top: "pool" pooling_param { kernel_size: 4 stride: 4 } }
layer { name: "score" type: "InnerProduct" bottom: "pool" top: "score" inner_product_param { num_output: 4 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "score" bottom: "label" top: "loss" }
"""
"""A Caffe network that would train on the first dataset."""


def build(directory: Path) -> Iterator[tuple[Path, str]]:
    """Write the datasets into a new directory; yield the path of each, with a description of its damage.

    Raises UsageError if the directory is a symbolic link or is not empty, ReportFailed if it cannot be written.
    """
    try:
        if directory.is_symlink():
            raise UsageError(f"{directory}: is a symbolic link; name a new directory for the demo")
        if os.path.lexists(directory) and (not directory.is_dir() or any(directory.iterdir())):
            raise UsageError(f"{directory}: exists; name a new directory for the demo, or remove this one")
        directory.mkdir(parents=True, exist_ok=True)
        yield _photos(directory / "photos_lmdb"), "a JPEG cut in half, one overwritten in the middle, a label lost"
        yield _arrays(directory / "arrays_leveldb"), "a row of pixels missing, an empty value, a bit flipped in the log"
        with (directory / "net.prototxt").open("x", encoding="utf-8") as file:
            file.write(NET)
        yield _measurements(directory / "measurements.h5"), "NaN, infinity, a label that is NaN"
    except OSError as exc:
        raise ReportFailed(str(directory), f"the demo could not be written: {exc.strerror or exc}") from exc


def farewell(directory: Path) -> str:
    """Return the closing message: where the datasets are, and commands to try on them."""
    where = shell(str(directory))
    return (
        f"The datasets are in {where}. Things to try:\n"
        f"  datacheck show {where}/photos_lmdb 00000020_hubble-1.jpg\n"
        f"  datacheck scan {where}/photos_lmdb --labels 4 --report report.json; echo $?\n"
        f"  datacheck scan --net {where}/net.prototxt --root {where}\n"
        f"  datacheck scan {where}/measurements.h5 --range data=0:255 --format json\n"
        f"  datacheck rebuild {where}/photos_lmdb {where}/photos_clean --drop-bad"
    )


def pictures() -> dict[str, bytes]:
    """Return the JPEG pictures that ship with datacheck, by file name."""
    folder = resources.files(__package__) / "pictures"
    files = sorted((it for it in folder.iterdir() if it.name.endswith(".jpg")), key=lambda it: it.name)
    return {file.name: file.read_bytes() for file in files}


def _labelled() -> list[tuple[str, bytes, int]]:
    """Return the name, picture and label of each of RECORDS records; the shipped pictures repeat in turn."""
    shipped = list(pictures().items())
    return [(*shipped[number % len(shipped)], number % len(shipped) // 2) for number in range(RECORDS)]


def _pixels(picture: bytes) -> NDArray[Any]:
    decoded, _ = read_picture(picture)
    assert decoded is not None
    return np.ascontiguousarray(decoded.pixels)


def _photos(path: Path) -> Path:
    """Write an LMDB of JPEG pictures in encoded Datum, with the keys that Caffe's convert_imageset gives them."""
    records = {
        f"{number:08d}_{name}": encode(picture, label, encoded=True)
        for number, (name, picture, label) in enumerate(_labelled())
    }
    keys = list(records)
    _, picture, label = _labelled()[8]
    records[keys[8]] = encode(picture[: len(picture) // 2], label, encoded=True)
    _, picture, label = _labelled()[20]
    middle = len(picture) // 2
    records[keys[20]] = encode(picture[:middle] + bytes(64) + picture[middle + 64 :], label, encoded=True)
    records[keys[33]] = encode(_labelled()[33][1], None, encoded=True)
    create(path, ((key.encode(), value) for key, value in records.items()))
    return path


def _arrays(path: Path) -> Path:
    """Write the pictures' pixels as raw Datum into a LevelDB, then damage its log in one place."""
    records = [(f"{number:08d}", _pixels(picture), label) for number, (_, picture, label) in enumerate(_labelled())]
    encoded = {key: encode(pixels, label) for key, pixels, label in records}
    shorter = records[11][1][:, :-1, :]
    encoded["00000011"] = encode(shorter.tobytes(), records[11][2], shape=records[11][1].shape)
    encoded["00000029"] = b""
    log_writer.create(path, ((key.encode(), value) for key, value in encoded.items()))
    log = path / "000003.log"
    damaged = bytearray(log.read_bytes())
    damaged[len(damaged) * 3 // 4] ^= 1
    log.write_bytes(damaged)
    return path


def _measurements(path: Path) -> Path:
    """Write the pixels as float32 in compressed, checksummed HDF5 chunks, with numbers as labels."""
    data = np.stack([_pixels(picture) for _, picture, _ in _labelled()]).astype(np.float32)
    label = np.array([label for _, _, label in _labelled()], np.float32)
    data[5, 0, 3, 4] = data[5, 2, 60, 1] = np.nan
    data[17, 1, 1, 1] = np.inf
    label[40] = np.nan
    creating.create(path, {"data": data, "label": label})
    return path

"""Test for false alarms: healthy stores of every payload have no finding that is bad or unverifiable."""

import io
import json

import h5py
import numpy as np
import pytest
from building import datum, floats, key, npy, pictures, pixels, write_lmdb
from PIL import Image

import datacheck


def smooth(number, size=(48, 40), mode="RGB"):
    """Return a picture with soft gradients and an edge that differs for each number."""
    width, height = size
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    bands = [128 + 100 * np.sin(6 * x + number + band) * np.cos(4 * y - band) + 20 * (x > 0.5) for band in range(4)]
    channels = {"L": 1, "RGB": 3, "RGBA": 4, "CMYK": 4}[mode]
    values = np.clip(np.stack(bands[:channels], axis=-1), 0, 255).astype(np.uint8)
    return Image.fromarray(values[..., 0] if channels == 1 else values, mode)


def saved(picture, form, **options):
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def sixteen(number):
    return saved(Image.fromarray(np.asarray(smooth(number, mode="L")).astype(np.uint16) * 200), "PNG")


PAYLOADS = {
    "raw": lambda n: datum(pixels(n), n % 10),
    "two-byte labels": lambda n: datum(pixels(n), 200 + n),
    "float_data": lambda n: datum(floats(n), n % 3),
    "packed float_data": lambda n: datum(floats(n), n % 3, packed=True),
    "encoded, of several sizes": lambda n: datum(saved(smooth(n, (30 + n, 50)), "JPEG"), 1, encoded=True),
    "the demo's": lambda n: pictures()[n % 8],
    "JPEG of several sizes": lambda n: saved(smooth(n, (20 + n, 90 - n)), "JPEG", quality=60 + n % 40),
    "progressive JPEG": lambda n: saved(smooth(n), "JPEG", progressive=True),
    "optimised JPEG": lambda n: saved(smooth(n), "JPEG", optimize=True, subsampling=0),
    "JPEG with restarts": lambda n: saved(smooth(n), "JPEG", restart_marker_blocks=2),
    "grey JPEG": lambda n: saved(smooth(n, mode="L"), "JPEG"),
    "CMYK JPEG": lambda n: saved(smooth(n, mode="CMYK"), "JPEG"),
    "PNG": lambda n: saved(smooth(n), "PNG"),
    "PNG with alpha": lambda n: saved(smooth(n, mode="RGBA"), "PNG"),
    "PNG with a palette": lambda n: saved(smooth(n).quantize(64), "PNG"),
    "PNG of 16 bit": sixteen,
    "WebP": lambda n: saved(smooth(n), "WEBP"),
    "lossless WebP": lambda n: saved(smooth(n), "WEBP", lossless=True),
    "GIF": lambda n: saved(smooth(n).quantize(64), "GIF"),
    "animated GIF": lambda n: saved(
        smooth(n).quantize(64), "GIF", save_all=True, append_images=[smooth(n + 1).quantize(64)]
    ),
    "BMP": lambda n: saved(smooth(n), "BMP"),
    "TIFF": lambda n: saved(smooth(n), "TIFF"),
    "compressed TIFF": lambda n: saved(smooth(n), "TIFF", compression="tiff_lzw"),
    ".npy": lambda n: npy(floats(n)),
    ".npy of float16": lambda n: npy(floats(n).astype(np.float16)),
    ".npy in Fortran order": lambda n: npy(np.asfortranarray(floats(n, (4, 6)))),
}


@pytest.mark.parametrize("payload", PAYLOADS)
def test_key_value_stores(tmp_path, payload):
    make = PAYLOADS[payload]
    report = datacheck.scan(write_lmdb(tmp_path / "env", {key(number): make(number) for number in range(40)}))
    assert list(report.findings) == []
    assert (report.checked, report.status) == (40, 0)
    assert report.statistics["data"].count > 40


def test_a_store_of_pictures_with_texts_and_numbers_beside_them(tmp_path):
    records = {b"num-samples": b"60"}
    for number in range(1, 61):
        records[b"image-%09d" % number] = saved(smooth(number, (30 + number, 32)), "JPEG")
        records[b"label-%09d" % number] = f"wörd {number}".encode() if number % 2 else b"w"
    report = datacheck.scan(write_lmdb(tmp_path / "env", records))
    assert (list(report.findings), report.status, report.checked) == ([], 0, 121)
    kinds = {family: it.decoder for family, it in report.profile.families.items()}
    assert kinds == {"image-#": "picture", "label-#": "text"}


def test_the_same_store_with_faults_has_just_these(tmp_path):
    records = {b"num-samples": b"60"}
    for number in range(1, 61):
        records[b"image-%09d" % number] = saved(smooth(number), "JPEG")
        records[b"label-%09d" % number] = b"word"
    records[b"image-000000007"] = str(records[b"image-000000007"]).encode()
    records[b"image-000000009"] = records[b"image-000000009"][:300]
    records[b"image-000000011"] = saved(smooth(11), "PNG")
    records[b"label-000000005"] = b""
    records[b"label-000000006"] = b"\xff\xfe"
    report = datacheck.scan(write_lmdb(tmp_path / "env", records))
    assert [(it.key, it.code) for it in report.findings] == [
        ("image-000000007", "undecodable"),
        ("image-000000009", "truncated"),
        ("image-000000011", "wrong-format"),
        ("label-000000005", "empty"),
        ("label-000000006", "undecodable"),
    ]


def test_file_names_as_keys_are_one_kind_all_the_same(tmp_path):
    words = ["apple", "pear", "plum", "fig", "date", "lime", "kiwi", "nut"]
    names = [f"{one}/{two}_{three}".encode() for one in words for two in words for three in words[:3]]
    records = {name: datum(pixels(number), 1) for number, name in enumerate(names)}
    path = write_lmdb(tmp_path / "env", records)
    assert datacheck.scan(path).status == 0
    records[names[50]] = b"nonsense"
    report = datacheck.scan(write_lmdb(tmp_path / "other", records))
    assert [(it.key, it.code) for it in report.findings] == [(names[50].decode(), "undecodable")]


COMPOUND = np.dtype([("position", "<f4", (3,)), ("energy", "<f8"), ("name", "S8"), ("kind", "<i2")])


def structured(count):
    rows = np.zeros(count, COMPOUND)
    rows["position"] = floats(1, (count, 3))
    rows["energy"] = floats(2, (count,))
    rows["name"] = b"abc"
    return rows


COLUMNS = {
    "float16": floats(1, (50, 3, 4)).astype("f2"),
    "float32": floats(1, (50, 3, 4)),
    "float64": floats(1, (50, 3, 4)).astype("f8"),
    "big-endian": floats(1, (50, 3, 4)).astype(">f4"),
    "uint8": pixels(1, (50, 3, 4)),
    "int64": np.arange(200).reshape(50, 4) * 10**15,
    "bool": pixels(1, (50, 7)) > 128,
    "complex": (floats(1, (50, 4)) + 1j * floats(2, (50, 4))).astype(np.complex64),
    "compound": structured(50),
    "text": np.array([f"wörd {number}" for number in range(50)], h5py.string_dtype()),
    "one number": floats(1, (50,)),
}


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("options", [{}, {"chunks": True, "compression": "gzip", "shuffle": True, "fletcher32": True}])
def test_hdf5(tmp_path, name, options):
    if name == "text":
        options = {option: it for option, it in options.items() if option != "fletcher32"}  # HDF5 refuses it for these
    with h5py.File(tmp_path / "store.h5", "w") as file:
        file.create_dataset("data", data=COLUMNS[name], **options)
        file["label"] = np.arange(50) % 4
        file["note"] = "a scalar string"
        file["mean"] = 3.5
        file.attrs["made by"] = json.dumps({"by": "a test"})
    report = datacheck.scan(tmp_path / "store.h5", labels=4)
    assert [(it.code, it.message) for it in report.findings if it.verdict != "suspicious"] == []
    assert (report.checked, report.status) == (50, 0)

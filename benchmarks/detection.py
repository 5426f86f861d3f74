"""Measure how much damage to pictures datacheck notices, compared with other image decoders.

Every cell is the share of damaged pictures that were called damaged; the rows "sound" count false alarms. All cases
come from fixed seeds, so the table is the same every time, apart from the versions of the decoders. A full run takes
3 minutes of processor time.

    python benchmarks/detection.py [--trials 300] [--json FILE] 2>/dev/null

libtiff reports each damaged strip on standard error.

sound_pictures.txt lists the pictures, besides these rows, that were checked for false alarms.
"""

from __future__ import annotations

import argparse
import functools
import io
import json
import struct
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from datacheck.decoders.pictures import eyes
from datacheck.decoders.pictures.decoder import read_picture
from datacheck.model.settings import Eyes

try:
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
except ImportError:
    cv2 = None

SIZE = 256
PICTURES = 40
JPEGS = {
    "JPEG": {"quality": 85},
    "JPEG optimised": {"quality": 85, "optimize": True},
    "JPEG progressive": {"quality": 85, "progressive": True},
    "JPEG with restarts": {"quality": 85, "restart_marker_rows": 1},
    "JPEG 4:4:4": {"quality": 95, "subsampling": 0},
    "JPEG grey": {"quality": 75},
}
"""Pillow's options for the JPEGs of each table."""
Judge = Callable[[bytes], bool]
Damage = Callable[[bytes, np.random.Generator], bytes]
WALKER = eyes.installed()


@functools.cache
def photo(seed: int) -> NDArray[np.uint8]:
    """Return a picture like a photo: amplitudes that fall with frequency, edges, grain and correlated colours."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(SIZE)[:, None], np.fft.fftfreq(SIZE)[None])
    frequency[0, 0] = 1 / SIZE

    def field(falling: float) -> NDArray[np.float64]:
        waves = np.fft.ifft2(np.fft.fft2(rng.normal(size=(SIZE, SIZE))) / frequency**falling).real
        return waves / waves.std()

    light = field(1.2)
    out = np.stack([118 + 45 * (light + 0.4 * field(1.5)) for _ in range(3)], axis=-1)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    for _ in range(8):
        y, x = rng.integers(0, SIZE, 2)
        high, wide = rng.integers(10, SIZE // 2, 2)
        inside = ((rows - y) / high) ** 2 + ((columns - x) / wide) ** 2 < 1
        out[inside] = 0.6 * out[inside] + 0.4 * rng.integers(0, 256, 3)
    out += 3 * rng.normal(size=(SIZE, SIZE, 1))
    return np.clip(out, 0, 255).astype(np.uint8)


ENCODINGS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 85},
    "PNG": {},
    "WebP": {"quality": 80},
    "WebP lossless": {"lossless": True},
    "GIF": {},
    "TIFF deflate": {"compression": "tiff_adobe_deflate"},
    "TIFF LZW": {"compression": "tiff_lzw"},
    "TIFF packbits": {"compression": "packbits"},
    "TIFF JPEG": {"compression": "jpeg", "quality": 85},
    "BMP": {},
}
"""The encodings that are measured, with Pillow's options for them."""


def encode(pixels: NDArray[np.uint8], name: str) -> bytes:
    out = io.BytesIO()
    if name == "JPEG grey":
        pixels = pixels[:, :, 0]
    Image.fromarray(pixels).save(out, name.partition(" ")[0], **(JPEGS | ENCODINGS)[name])
    return out.getvalue()


def pillow_verify(value: bytes) -> bool:
    try:
        Image.open(io.BytesIO(value)).verify()
    except Exception:  # noqa: BLE001 - whatever it raises is an objection
        return True
    return False


def pillow_load(value: bytes) -> bool:
    try:
        Image.open(io.BytesIO(value)).load()
    except Exception:  # noqa: BLE001 - whatever it raises is an objection
        return True
    return False


def opencv(value: bytes) -> bool:
    return cv2.imdecode(np.frombuffer(value, np.uint8), cv2.IMREAD_UNCHANGED) is None


def strict(value: bytes) -> bool:
    try:
        simplejpeg.decode_jpeg(value)
    except ValueError:
        return True
    return False


def datacheck(value: bytes) -> bool:
    return bool(read_picture(value)[1])


def looking(how: Eyes) -> Judge:
    """Return a judge that runs datacheck with a picture check that goes beyond decoding."""

    def judge(value: bytes) -> bool:
        with eyes.using(how):
            return bool(read_picture(value)[1])

    return judge


def scan(value: bytes) -> tuple[int, int]:
    """Return start and end of the pixel data of a JPEG or of a PNG with one IDAT; for others the last nine tenths."""
    if value[:4] != b"\x89PNG" and value[:2] != b"\xff\xd8":
        return len(value) // 10, len(value)
    if value[:2] == b"\xff\xd8":
        at = value.index(b"\xff\xda") + 2  # of a progressive picture all scans, and the headers between them
        return at + int.from_bytes(value[at : at + 2], "big"), len(value) - 2
    at = value.index(b"IDAT")
    return at + 4, at + 4 + int.from_bytes(value[at - 4 : at], "big")


def flip_bit(value: bytes, rng: np.random.Generator) -> bytes:
    at, out = int(rng.integers(*scan(value))), bytearray(value)
    out[at] ^= 1 << int(rng.integers(8))
    return bytes(out)


def overwrite(size: int, fill: Callable[[np.random.Generator, int], bytes]) -> Damage:
    def damage(value: bytes, rng: np.random.Generator) -> bytes:
        start, stop = scan(value)
        at = int(rng.integers(start, stop - size))
        return value[:at] + fill(rng, size) + value[at + size :]

    return damage


def zeros(_: np.random.Generator, size: int) -> bytes:
    return bytes(size)


def noise(rng: np.random.Generator, size: int) -> bytes:
    return rng.bytes(size)


def remove(size: int) -> Damage:
    def damage(value: bytes, rng: np.random.Generator) -> bytes:
        start, stop = scan(value)
        at = int(rng.integers(start, stop - size))
        return value[:at] + value[at + size :]

    return damage


def lose_chunk(kind: bytes) -> Damage:
    def damage(value: bytes, rng: np.random.Generator) -> bytes:
        at = value.index(kind) - 4
        return value[:at] + value[at + 12 + struct.unpack_from(">I", value, at)[0] :]

    return damage


def spoil_checksum(value: bytes, rng: np.random.Generator) -> bytes:
    at, out = scan(value)[1] + int(rng.integers(4)), bytearray(value)
    out[at] ^= 1 << int(rng.integers(8))
    return bytes(out)


COMMON: dict[str, Damage] = {
    "sound (false alarms)": lambda value, rng: value,
    "cut at 50 %": lambda value, rng: value[: len(value) // 2],
    "last 2 bytes missing": lambda value, rng: value[:-2],
    "1 bit flipped in the pixel data": flip_bit,
    "64 zero bytes in the pixel data": overwrite(64, zeros),
    "4096 zero bytes in the pixel data": overwrite(4096, zeros),
    "64 random bytes": overwrite(64, noise),
    "512 random bytes": overwrite(512, noise),
    "16 bytes removed": remove(16),
    "100 bytes after the end": lambda value, rng: value + rng.bytes(100),
}
FEW = (
    "sound (false alarms)",
    "1 bit flipped in the pixel data",
    "64 zero bytes in the pixel data",
    "64 random bytes",
    "16 bytes removed",
)
DAMAGES: dict[str, dict[str, Damage]] = {
    "JPEG": COMMON | {"another JPEG after the end": lambda value, rng: value + value},
    **{name: {damage: COMMON[damage] for damage in FEW} for name in JPEGS if name != "JPEG"},
    "PNG": COMMON
    | {
        "1 bit flipped in a checksum": spoil_checksum,
        "chunk IDAT missing": lose_chunk(b"IDAT"),
        "chunk IEND missing": lose_chunk(b"IEND"),
    },
} | {name: COMMON for name in ENCODINGS if name not in ("JPEG", "PNG")}
JUDGES: dict[str, dict[str, Judge]] = {
    name: {"Pillow `verify()`": pillow_verify, "Pillow `load()`": pillow_load}
    | ({"OpenCV `imdecode`": opencv} if cv2 is not None else {})
    | ({"simplejpeg strict": strict} if name in JPEGS else {})
    | {"datacheck": datacheck}
    | (
        {"datacheck, walker": looking("walker"), "`--strict-pictures`": looking("strict")}
        if WALKER and "JPEG" in name
        else {}
    )
    for name in DAMAGES
}


def measure(name: str, trials: int) -> dict[str, dict[str, float]]:
    """Return the share detected, by damage and by judge."""
    values = [encode(photo(seed), name) for seed in range(PICTURES)]
    table: dict[str, dict[str, float]] = {}
    for number, (damage, broken) in enumerate(DAMAGES[name].items()):
        rng = np.random.default_rng([number, trials])
        cases = [broken(values[trial % len(values)], rng) for trial in range(trials)]
        table[damage] = {judge: sum(map(says, cases)) / trials for judge, says in JUDGES[name].items()}
    return table


SHARES = ((0.001, "< 0.1 %"), (0.01, "0.1-1 %"), (0.1, "1-10 %"), (1.1, "> 10 %"))
VISIBLE = 16
"""A pixel counts as changed if a colour differs from the original by more than this number of levels."""


def by_visibility(name: str, trials: int, judge: Judge = datacheck) -> dict[str, dict[str, float]]:
    """Return the share of bit flips and the detected share of these, by the share of pixels that a flip changes.

    If Pillow cannot decode the picture, all pixels count as changed.
    """
    values = [encode(photo(seed), name) for seed in range(PICTURES)]
    sound = [np.asarray(Image.open(io.BytesIO(value)).convert("RGB")).astype(int) for value in values]
    rng = np.random.default_rng([len(DAMAGES), trials])
    made: dict[str, list[bool]] = {label: [] for _, label in SHARES}
    for trial in range(trials):
        case = flip_bit(values[trial % PICTURES], rng)
        try:
            seen = np.asarray(Image.open(io.BytesIO(case)).convert("RGB")).astype(int)
        except Exception:  # noqa: BLE001 - whatever it raises, there is no picture
            share = 1.0
        else:
            before = sound[trial % PICTURES]
            same = seen.shape == before.shape
            share = float((np.abs(seen - before).max(axis=2) > VISIBLE).mean()) if same else 1.0
        made[next(label for most, label in SHARES if share < most)].append(judge(case))
    return {
        label: {"flips": len(seen) / trials, "detected": sum(seen) / len(seen) if seen else 0.0}
        for label, seen in made.items()
    }


def visibility_markdown(tables: dict[str, dict[str, dict[str, float]]]) -> str:
    labels = [label for _, label in SHARES]
    lines = [f"| 1 bit flipped, pixels changed | {' | '.join(labels)} |", f"|---|{'---|' * len(labels)}"]
    for name, table in tables.items():
        cells = [
            f"{100 * it['detected']:.0f} % of {_share(it['flips'])}" if it["flips"] else "" for it in table.values()
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _share(part: float) -> str:
    return f"{100 * part:.0f} %" if part >= 0.01 else f"{100 * part:.1f} %"


def markdown(name: str, table: dict[str, dict[str, float]]) -> str:
    judges = list(JUDGES[name])
    lines = [f"| {name}: damage | {' | '.join(judges)} |", f"|---|{'---|' * len(judges)}"]
    for damage, shares in table.items():
        lines.append(f"| {damage} | {' | '.join(f'{100 * shares[judge]:.0f} %' for judge in judges)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--trials", type=int, default=300, help="pictures in each cell")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the shares there too")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    started = time.perf_counter()
    tables = {name: measure(name, options.trials) for name in DAMAGES}
    packages = [
        "Pillow",
        "simplejpeg",
        "numpy",
        *(["numba"] if WALKER else []),
        *(["opencv-python-headless"] if cv2 is not None else []),
    ]
    versions = {package: version(package) for package in packages}
    visible = {}
    for name in ENCODINGS:
        visible[name] = by_visibility(name, options.trials)
        if name == "JPEG" and WALKER:
            for how, judge in (("walker", looking("walker")), ("`--strict-pictures`", looking("strict"))):
                visible[f"JPEG, {how}"] = by_visibility("JPEG", options.trials, judge)
    for name, table in tables.items():
        print(markdown(name, table), end="\n\n")
    print(visibility_markdown(visible), end="\n\n")
    print(
        f"{options.trials} trials a cell, {SIZE}x{SIZE} pixels, JPEG quality 85 (4:4:4: 95, grey: 75);",
        ", ".join(f"{package} {number}" for package, number in versions.items()),
        f"({time.perf_counter() - started:.0f} s)",
    )
    if options.json:
        result = {"trials": options.trials, "versions": versions, "tables": tables, "visible": visible}
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()

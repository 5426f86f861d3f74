"""Feed arbitrary bytes to the walkers of GIF, TIFF, WebP, PNG and BMP and of their compressed data: `make fuzz`.

Also `python tests/fuzz/fuzz_pictures.py [CORPUS]`. For any bytes, each walk must end soon, with findings and without
raising. Pillow is called only for WebP and for one input in sixteen, which is read as a whole picture; Pillow has
fuzzers of its own. Without a corpus, fuzzing starts from a sound picture of each kind.
"""

from __future__ import annotations

import dataclasses
import io
import sys
import tempfile
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1]))
with atheris.instrument_imports(include=["datacheck.decoders.pictures"]):
    import numpy as np
    from PIL import Image

    from datacheck.decoders.pictures import containers, gif, lzw, tiff, tiff_end, webp
    from datacheck.decoders.pictures.containers import Outline
    from datacheck.decoders.pictures.decoder import read_picture
    from datacheck.model.finding import Finding
    from datacheck.testing.decoders import check_finding

LONGEST = 1 << 12
SIZE = (40, 30)
KINDS = {
    "GIF": ({}, {"save_all": True}),
    "TIFF": ({"compression": it} for it in ("tiff_lzw", "tiff_adobe_deflate", "packbits", None)),
    "WebP": ({"quality": 20}, {"lossless": True}, {"save_all": True}),
    "PNG": ({}, {"save_all": True}),
    "BMP": ({},),
}


def feed(raw: bytes) -> None:
    """Walk these bytes as each kind of picture."""
    said: list[Finding | None] = []
    for depth in (1, 2, 8):
        for kind in (lzw.Lzw(depth), lzw.Lzw(depth, msb_first=True, early=1)):
            walked = lzw.walk(raw, kind, 1 << 20)
            lzw.SHORT, short = 1 << 60, lzw.SHORT  # never read many runs at once; the result is the same
            assert dataclasses.astuple(lzw.walk(raw, kind, 1 << 20)) == dataclasses.astuple(walked)
            lzw.SHORT = short
            assert walked.size >= 0
            assert walked.stop is None or 0 < walked.stop <= len(raw)
    if len(raw) > 13:
        outline = containers.gif(raw)
        said.append(gif.damage(raw[: outline.end]) if isinstance(outline, Outline) else outline)
    if len(raw) > 16:
        said.append(tiff.damage(raw))
        end = tiff_end.end(raw)
        assert end is None or end >= 0
        said.append(containers.bmp_oddity(raw) if len(raw) > 54 else None)
        said.append(webp.metadata(raw, len(raw)))
        for stream in webp.streams(raw, len(raw)):
            assert all(0 <= start <= stop <= len(stream.data) for start, stop in webp.partitions(stream.data))
    if raw[-1:] and raw[-1] & 15 == 0:
        said += read_picture(raw)[1]
    for finding in said:
        if finding is not None:
            check_finding(finding)


def seeds() -> Path:
    """Write sound pictures to a new folder, one file each; return the folder."""
    corpus = Path(tempfile.mkdtemp()) / "corpus"
    corpus.mkdir()
    chance = np.random.default_rng(0)
    images = [Image.fromarray(chance.integers(0, 256, (*SIZE, 3), np.uint8)) for _ in range(2)]
    for name, ways in KINDS.items():
        for number, options in enumerate(ways):
            out = io.BytesIO()
            more = {"append_images": images[1:]} if "save_all" in options else {}
            images[0].save(out, name, **options, **more)
            (corpus / f"{name}{number}").write_bytes(out.getvalue())
    return corpus


if __name__ == "__main__":
    given = any(not it.startswith("-") for it in sys.argv[1:])
    atheris.Setup([*sys.argv, f"-max_len={LONGEST}", *([] if given else [str(seeds())])], feed)
    atheris.Fuzz()

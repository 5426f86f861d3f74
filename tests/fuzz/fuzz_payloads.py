"""Feed arbitrary bytes to every decoder that is not based on a library, and to the wrappers: `make fuzz`.

Also `python tests/fuzz/fuzz_payloads.py [CORPUS]`. For any bytes, each must end, in bounded memory, with findings and
without raising. Without a corpus, fuzzing starts from a sound payload of each kind.
"""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import sys
import tempfile
import zlib
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1]))
with atheris.instrument_imports(include=["datacheck.decoders"]):
    from archive_building import npz, safetensors, torch_save
    from building import datum, floats, pixels
    from media_building import flac, mkv, mp4, ogg, wav
    from message_building import annotated_datum, arrow_message, audio_example, tensor, tensor_protos, tf_example
    from msgpack_building import packed

    from datacheck.decoders import decoder, kind
    from datacheck.decoders.wrappers.table import WRAPPERS
    from datacheck.testing.decoders import check_finding

LONGEST = 1 << 12
UNPACKED = 1 << 20
NAMES = (
    "json", "msgpack", "npz", "torch", "safetensors", "tensorprotos", "annotated-datum", "audio-example", "tf-example",
    "arrow", "wav", "flac", "ogg", "mp4", "mkv", "datum",
)  # fmt: skip


def feed(raw: bytes) -> None:
    """Read these bytes with every decoder, and unpack them with every wrapper."""
    kind(raw)
    for name in NAMES:
        made = decoder(name)
        made.knows(raw)
        for finding in made.read(raw, None).findings:  # type: ignore[attr-defined]
            check_finding(finding)
    for wrapper in WRAPPERS.values():
        peeled = wrapper.peel(raw, UNPACKED)
        assert len(peeled.value) <= UNPACKED
        if peeled.finding is not None:
            check_finding(peeled.finding)


def seeds() -> Path:
    """Write a sound payload of each kind to a new folder, one file each; return the folder."""
    corpus = Path(tempfile.mkdtemp()) / "corpus"
    corpus.mkdir()
    record = {"x": floats(1, (3, 4)), "label": 3}
    text = json.dumps({"x": [1.5, float("nan")], "label": 3}).encode()
    boxes = [(0, 0, 1, 1)]
    made = [
        text, packed(record), npz(x=floats(1)), npz(True, x=floats(1)), torch_save(record),
        safetensors({"x": floats(1)}), tensor_protos(tensor(floats(1)), tensor([1], 2)),
        annotated_datum(datum(pixels(1, (1, 2, 2)), 1), (1, boxes)), audio_example(pixels(1, (1, 8)).astype("<i2")),
        tf_example(x=floats(1), label=[1]), arrow_message(1) + arrow_message(3, bytes(8)), wav(), flac(payload=40),
        ogg(size=40), mp4(size=40), mkv(), zlib.compress(text), gzip.compress(text), bz2.compress(text),
        lzma.compress(text), datum(floats(1, (1, 1, 4)), 1),
    ]  # fmt: skip
    for at, raw in enumerate(made):
        (corpus / f"{at}").write_bytes(raw)
    return corpus


if __name__ == "__main__":
    given = any(not it.startswith("-") for it in sys.argv[1:])
    atheris.Setup([*sys.argv, f"-max_len={LONGEST}", *([] if given else [str(seeds())])], feed)
    atheris.Fuzz()

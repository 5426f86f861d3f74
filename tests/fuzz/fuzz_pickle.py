"""Feed arbitrary bytes to the decoder of pickles: `make fuzz`, or `python tests/fuzz/fuzz_pickle.py [CORPUS]`.

For any bytes, the walk must end, in bounded memory, with findings and without raising, and give the same findings for
records decoded together as for each alone. Without a corpus, fuzzing starts from pickles of every kind and protocol.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "decoders" / "pickles")]
with atheris.instrument_imports(include=["datacheck.decoders"]):
    from test_hostile import sound

    from datacheck.decoders.pickles.decoder import PickleDecoder
    from datacheck.model.blocks import Block
    from datacheck.testing.decoders import check_finding, spread

LONGEST = 1 << 14
DECODER = PickleDecoder()


def feed(raw: bytes) -> None:
    """Read these bytes as a record, alone and in a block of five equal ones."""
    DECODER.knows(raw)
    for finding in DECODER.read(raw, None).findings:
        check_finding(finding)
    values = [raw] * 5
    together = spread(DECODER.decode(Block([b""] * 5, values), range(5), None))
    alone = spread(DECODER.decode(Block([b""] * 5, values), [0], None))
    assert [it for it in together if it[0] == 0] == alone


def seeds() -> Path:
    """Write pickles of every protocol to a new folder, one file each; return the folder."""
    corpus = Path(tempfile.mkdtemp()) / "corpus"
    corpus.mkdir()
    for protocol, raw in enumerate(sound()):
        (corpus / f"protocol{protocol}").write_bytes(raw)
    return corpus


if __name__ == "__main__":
    given = any(not it.startswith("-") for it in sys.argv[1:])
    atheris.Setup([*sys.argv, f"-max_len={LONGEST}", *([] if given else [str(seeds())])], feed)
    atheris.Fuzz()

"""Feed arbitrary bytes to the byte-level reader of LMDB: `make fuzz`, or `python tests/fuzz/fuzz_lmdb.py [CORPUS]`.

For any bytes, walking the structure and reading the remaining records must end, in bounded memory, and raise nothing
but PageDamaged. Without a corpus, fuzzing starts from small environments of every kind. atheris comes with the
dependency group `fuzz`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1]))
with atheris.instrument_imports(include=["datacheck.backends"]):
    from lmdb_building import STORES

    from datacheck.backends.lmdb.direct import Direct
    from datacheck.backends.lmdb.format import PageDamaged
    from datacheck.backends.lmdb.pages import Pages
    from datacheck.backends.lmdb.ranges import Ranges
    from datacheck.backends.lmdb.salvage import Salvage
    from datacheck.backends.lmdb.skeleton import Walk
    from datacheck.model.blocks import Shard, ignore

FOLDER = Path(tempfile.mkdtemp())
DATA = FOLDER / "data.mdb"
LONGEST = 1 << 18


def feed(raw: bytes) -> None:
    """Read these bytes as a data file."""
    DATA.write_bytes(raw)
    try:
        with Pages(DATA) as pages:
            bones = Walk(pages).skeleton()
            for part in bones.trees:
                salvage = Salvage(pages, bones, Shard(part), ignore)
                ranges = Ranges(pages, bones, part, hold=True)
                direct = Direct(pages, ranges.database)
                for piece in ranges.pieces(Shard(part), None):
                    if piece.held is None:
                        for _ in salvage.blocks(piece, None):
                            pass
                        continue
                    for keys, values in direct.pairs(piece, ignore):
                        assert len(keys) == len(values)
                        assert sum(map(len, map(bytes, values))) <= len(raw)
    except PageDamaged:
        pass


def seeds() -> Path:
    """Write small environments to a new folder, one file each; return the folder."""
    corpus = FOLDER / "corpus"
    corpus.mkdir()
    for name, make in STORES.items():
        data = make(FOLDER / name) / "data.mdb"
        if data.stat().st_size <= LONGEST:
            (corpus / name).write_bytes(data.read_bytes())
    return corpus


if __name__ == "__main__":
    given = any(not it.startswith("-") for it in sys.argv[1:])
    atheris.Setup([*sys.argv, f"-max_len={LONGEST}", *([] if given else [str(seeds())])], feed)
    atheris.Fuzz()

"""Feed arbitrary bytes to the byte-level reader of LMDB: `make fuzz`, or `python tests/fuzz/fuzz_lmdb.py [CORPUS]`.

Whatever the bytes, looking at the structure and reading what is left must end, in bounded memory, with nothing but
PageDamaged raised. atheris comes with the dependency group `fuzz`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["datacheck.backends"]):
    from datacheck.backends.lmdb_format import PageDamaged
    from datacheck.backends.lmdb_pages import Pages
    from datacheck.backends.lmdb_ranges import Ranges
    from datacheck.backends.lmdb_salvage import Salvage
    from datacheck.backends.lmdb_skeleton import Walk
    from datacheck.model import Shard, ignore

DATA = Path(tempfile.mkdtemp()) / "data.mdb"


def feed(raw: bytes) -> None:
    """Read these bytes as a data file."""
    DATA.write_bytes(raw)
    try:
        with Pages(DATA) as pages:
            bones = Walk(pages).skeleton()
            for part in bones.trees:
                salvage = Salvage(pages, bones, Shard(part), ignore)
                for piece in Ranges(pages, bones, part).pieces(Shard(part), None):
                    for _ in salvage.blocks(piece, None):
                        pass
    except PageDamaged:
        pass


if __name__ == "__main__":
    atheris.Setup([*sys.argv, "-max_len=131072"], feed)
    atheris.Fuzz()

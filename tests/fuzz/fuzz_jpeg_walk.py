"""Walk damaged JPEGs with every index checked: `make fuzz`. Also `python tests/fuzz/fuzz_jpeg_walk.py [COUNT [SEED]]`.

The walk is compiled code that normally does no bounds checking. Here it is compiled with bounds checks, so that an
index outside its array ends the run with an IndexError. The run also ends if the decoder rejects a picture that the
walk accepts.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

os.environ["NUMBA_BOUNDSCHECK"] = "1"
os.environ["NUMBA_CACHE_DIR"] = tempfile.mkdtemp()  # the usual cache holds code without bounds checks

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]
from decoders.pictures.test_jpeg_walk import mutants  # noqa: E402  (the environment comes first)

from datacheck.decoders.pictures import eyes  # noqa: E402
from datacheck.decoders.pictures.decoder import read_picture  # noqa: E402


def main(count: int = 5000, seed: int = 1) -> None:
    raised: list[object] = []
    sys.unraisablehook = lambda it: raised.append(it.exc_value)  # exceptions in callbacks from C end up here
    eyes.prepare("strict", Path("nowhere"))
    assert not [*Path(os.environ["NUMBA_CACHE_DIR"]).glob("*.code")], "code that cannot raise has no checks"
    found = 0
    for value in mutants(count, seed):
        decoded = read_picture(value, pixels=False)[0]
        with eyes.using("strict"):
            strict = read_picture(value, pixels=False)[0]
        with eyes.using("walker"):
            walked = read_picture(value, pixels=False)[0]
        assert (walked is None) == (strict is None), value.hex()
        assert decoded is not None or walked is None, value.hex()
        assert not raised, (raised, value.hex())
        found += walked is None
    print(f"{count} damaged JPEGs walked, {found} found damaged")  # noqa: T201


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

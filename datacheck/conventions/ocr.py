"""Word pictures and their texts, numbered from 1: clovaai's deep-text-recognition-benchmark, PARSeq, PaddleOCR.

Keys are `image-%09d` and `label-%09d`, in some stores beside `wh-%09d`, `image_hr-%09d`, `image_lr-%09d` or
`lexicon-%09d`; `num-samples` holds their number as decimal text (create_lmdb_dataset.py).
"""

from __future__ import annotations

from datacheck.conventions.interface import Convention, Count, StoreView
from datacheck.conventions.numbered_keys import Pattern
from datacheck.conventions.stored_values import stored

COUNT = b"num-samples"
FIRST = (b"image-", b"image_hr-", b"label-")
FURTHER = (b"image_lr-", b"wh-", b"lexicon-")
DIGITS = 9
"""What loaders ask for has so many."""
PAIR = (Pattern(b"image-", b"", DIGITS), Pattern(b"label-", b"", DIGITS))


def recognise(store: StoreView) -> Convention | None:
    """Return the convention where a picture and its text are numbered alike, and something counts them."""
    raw = store.value(COUNT)
    parts = [found for name in (*FIRST, *FURTHER) if (found := _pattern(name, store)) is not None]
    if raw is None or len(parts) < 2 or parts[0].before == b"label-":
        return None
    count = Count(COUNT, stored(raw), raw)
    return Convention("ocr", tuple(parts), (count,), base=1, own=frozenset({COUNT}), digits=DIGITS)


def _pattern(name: bytes, store: StoreView) -> Pattern | None:
    """Return the pattern of most keys of a name; where they are written in several ways, that which loaders ask for."""
    usual = Pattern(name, b"", DIGITS)
    asked = any(usual.number(it) is not None for it in store.keys) if name in FIRST else False
    return store.pattern(name) or (usual if asked else None)

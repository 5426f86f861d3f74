"""Word pictures and their texts, numbered from 1: clovaai's deep-text-recognition-benchmark, PARSeq, PaddleOCR.

Keys are `image-%09d` and `label-%09d`, in some stores together with `wh-%09d`, `image_hr-%09d`, `image_lr-%09d` or
`lexicon-%09d`; `num-samples` holds the number of samples as decimal text (create_lmdb_dataset.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from datacheck.conventions.interface import Convention, Count, Known, StoreView
from datacheck.conventions.keys.account import Account
from datacheck.conventions.keys.numbered_keys import Pattern
from datacheck.conventions.values.stored_values import stored
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found

COUNT = b"num-samples"
FIRST = (b"image-", b"image_hr-", b"label-")
FURTHER = (b"image_lr-", b"wh-", b"lexicon-")
DIGITS = 9
"""Number of digits in the keys that loaders ask for."""
PAIR = (Pattern(b"image-", b"", DIGITS), Pattern(b"label-", b"", DIGITS))


def recognise(store: StoreView) -> Convention | None:
    """Return the convention if pictures and their texts are numbered alike and `num-samples` exists, or None."""
    raw = store.value(COUNT)
    parts = [found for name in (*FIRST, *FURTHER) if (found := _pattern(name, store)) is not None]
    if raw is None or len(parts) < 2 or parts[0].before == b"label-":
        return None
    count = Count(COUNT, stored(raw), raw)
    return Convention("ocr", tuple(parts), (count,), base=1, own=frozenset({COUNT}), digits=DIGITS)


def _pattern(name: bytes, store: StoreView) -> Pattern | None:
    """Return the pattern of most keys of a name, or the one loaders ask for if the keys are written in several ways."""
    usual = Pattern(name, b"", DIGITS)
    asked = any(usual.number(it) is not None for it in store.keys) if name in FIRST else False
    return store.pattern(name) or (usual if asked else None)


def uncounted_findings(known: Known, account: Account) -> Iterator[Finding]:
    """Yield a finding if word pictures and their texts, judged by names and numbers, lack the count written last.

    If the store holds anything else, its writer finished and did not mean to count them this way.
    """
    numbers = [account.numbers.get(it) for it in PAIR]
    alone = account.records == sum(map(len, account.numbers.values())) and not any(
        it.named or it.counts or it.lists for it in known.conventions
    )
    if alone and all(it and it.first == 1 for it in numbers):
        name, first = escape(COUNT), " and ".join(escape(it.key(1)) for it in PAIR)
        message = (
            f"{name} is not there, which loaders of {first} ask for; it is written last: did the writer stop early?"
        )
        yield found("count", message, verdict="suspicious", missing=[name])

"""Counts of clips where the records are frames: `num_samples` is 12 beside `vid00/00000` to `vid11/00031`.

A loader of clips then finds their frames by other means, such as a list beside the store.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable

from datacheck.conventions.interface import Convention, Count
from datacheck.conventions.keys.account import Account
from datacheck.conventions.keys.frame_keys import ClipNames

SHARE = 0.95
"""Minimum share of the keys that must be those of frames."""
LONG = 2
"""Minimum average number of frames of a clip."""
NEAR = 0.1
"""Share by which a number may differ from a number of records and be meant for it."""
_FRAME = re.compile(rb"(.*[^0-9])[0-9]+([^0-9]*)", re.DOTALL)


def clip_names(keys: Collection[bytes], own: Collection[bytes]) -> ClipNames | None:
    """Return how many clips some keys of frames name, apart from the keys in `own`; None if they are not of frames.

    The frames of a clip may lie in one folder, several kinds of them, such as colour and flow.

    >>> clip_names([b"a/00", b"a/01", b"b/00", b"b/01", b"length"], [b"length"])
    ClipNames(clips=frozenset({2}), keys=5)
    """
    frames = [key for key in keys if key not in own]
    matches = [it for it in map(_FRAME.fullmatch, frames) if it is not None]
    endings = Counter(it[2] for it in matches)
    names = {it[1] for it in matches}
    if not names or endings.most_common(1)[0][1] < SHARE * len(frames):
        return None
    folders = {it.rpartition(b"/")[0] for it in names}
    clips = frozenset(it for it in (len(names), len(folders)) if it > 1)
    return ClipNames(clips, len(keys)) if clips and len(matches) >= LONG * len(names) else None


def frame_of(key: bytes) -> bytes | None:
    """Return the name of a clip that a key is that of a frame of, or None.

    >>> frame_of(b"vid3/0004.jpg"), frame_of(b"0004")
    (b'vid3/', None)
    """
    match = _FRAME.fullmatch(key)
    return None if match is None else match[1]


def counts_clips(count: Count, convention: Convention, account: Account) -> bool:
    """Check whether a count is the number of clips, if all of them are known."""
    names = convention.clips
    return names is not None and names.keys == account.records and count.number in names.clips


def may_count_clips(count: Count, convention: Convention, account: Account, true_counts: Iterable[int]) -> bool:
    """Check whether a count may be that of clips: if only some are known, it is larger, and near no true count."""
    names, declared = convention.clips, count.number
    if names is None or declared is None or count.next:
        return False
    if names.keys == account.records:
        return declared in names.clips
    near = any(abs(declared - it) <= NEAR * it for it in true_counts)
    return not near and min(names.clips) <= declared <= account.records // LONG

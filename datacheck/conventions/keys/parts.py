"""Tell numbered keys that may be parts of one sample from frames of sequences and from pieces of one thing.

Parts and frames share their last number. Frames of different sequences differ in an earlier number: seq0001/00017 and
seq0002/00017. But so do cameras and sizes, which are parts of one sample: cam1/00017, 64-00017.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise

from datacheck.conventions.keys.groups import words
from datacheck.conventions.keys.numbered_keys import Pattern

CONTAINERS = frozenset(
    {
        *("seq", "seqs", "sequence", "clip", "clips", "video", "videos", "vid", "movie", "scene", "shot", "episode"),
        *("ep", "demo", "traj", "trajectory", "rollout", "run", "session", "trial", "take", "drive", "route", "log"),
        *("subject", "subj", "sub", "patient", "person", "speaker", "spk", "user", "case", "study", "scan", "volume"),
        *("shard", "chunk", "batch", "fold", "split", "part", "block", "bucket", "file", "book", "set", "dataset"),
        *("class", "category", "cls"),
    }
)
"""Names of things that hold many samples each."""
VIEWS = frozenset(
    {
        *("cam", "cams", "camera", "view", "views", "sensor", "lidar", "radar", "eye", "mic", "channel", "ch", "angle"),
        *("img", "image", "im", "rgb", "depth", "flow", "pic", "picture", "scale", "size", "res", "level", "input"),
    }
)
"""Names of parts of which one sample may have several."""
PICTURES = frozenset({"img", "image", "im", "rgb", "depth", "flow", "pic", "picture", "input"})
"""The words among these that may also name a frame: in 00009/img_00017, the first number is that of a clip."""
PADDED = 3
"""Minimum number of digits of a zero-padded number that counts many things, as sequences are and cameras are not."""
_NUMBER = re.compile(rb"[0-9]+")


def parts_of(patterns: Iterable[Pattern]) -> tuple[Pattern, ...]:
    """Return the patterns that may be the parts of a sample.

    >>> parts_of([Pattern(b"seq1/"), Pattern(b"seq2/"), Pattern(b"cam1/"), Pattern(b"cam2/")])
    (Pattern(before=b'cam1/', after=b'', width=1), Pattern(before=b'cam2/', after=b'', width=1))
    """
    every = tuple(patterns)
    apart = set(pieces_of(every))
    series: dict[tuple[bytes, bytes], list[Pattern]] = defaultdict(list)
    for it in every:
        series[_NUMBER.sub(b"#", it.before), it.after].append(it)
    for (before, _), group in series.items():
        if len(group) > 1 and _are_sequences(before, [_NUMBER.findall(it.before) for it in group]):
            apart.update(group)
    return tuple(it for it in every if it not in apart)


def pieces_of(patterns: Iterable[Pattern]) -> tuple[Pattern, ...]:
    """Return the patterns that are pieces of one thing, or several things of one kind, such as captions of a picture.

    >>> pieces_of([Pattern(b"img-"), Pattern(b"caption-", b"-0"), Pattern(b"caption-", b"-1")])
    (Pattern(before=b'caption-', after=b'-0', width=1), Pattern(before=b'caption-', after=b'-1', width=1))
    """
    return tuple(it for kind in kinds_of_pieces(patterns) for it in kind)


def kinds_of_pieces(patterns: Iterable[Pattern]) -> list[list[Pattern]]:
    """Return the patterns of pieces, grouped by kind."""
    pieces: dict[tuple[bytes, bytes], list[Pattern]] = defaultdict(list)
    for it in patterns:
        pieces[it.before, _NUMBER.sub(b"#", it.after)].append(it)
    return [kind for kind in pieces.values() if len(kind) > 1]


def _are_sequences(name: bytes, numbers: Sequence[Sequence[bytes]]) -> bool:
    """Return whether keys that differ in these numbers before the last one belong to different sequences."""
    name_words = words(name.decode("latin1"))
    if CONTAINERS & name_words:
        return True
    if VIEWS & words(name.rpartition(b"#")[0].decode("latin1")) or (VIEWS - PICTURES) & name_words:
        return False
    if any(len(it) >= PADDED and it[:1] == b"0" for digits in numbers for it in digits):
        return True
    return not name_words and not _are_sizes([b"".join(digits) for digits in numbers])


def _are_sizes(numbers: Collection[bytes]) -> bool:
    """Return whether these are the sizes of a picture, each a multiple of the next smaller one."""
    sizes = sorted(map(int, numbers))
    return sizes[0] > 1 and all(not larger % smaller and larger > smaller for smaller, larger in pairwise(sizes))

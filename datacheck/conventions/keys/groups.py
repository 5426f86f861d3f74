"""Group records into samples: find key patterns that carry the same numbers, and samples that lack a part."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec

from datacheck.conventions.keys.numbered_keys import Pattern
from datacheck.conventions.keys.runs import Runs
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.sample_sets import SETS

WHOLE, NEARLY = 0.99, 0.90
"""Minimum share of whole samples for a sample that lacks a part to be bad, and to be suspicious."""
CONFIRMED = 0.95
"""Minimum share for it to be bad if the store's own count includes the samples that lack a part."""
ACCIDENTS = 3
"""Minimum number of runs of numbers, or of numbers that two patterns or databases both lack, that is no accident."""
ENOUGH = 20
"""Minimum number of whole samples that makes a rule rather than an accident."""
OPTIONAL = frozenset(
    {
        *("mask", "masks", "seg", "segs", "segmentation", "segmentations", "caption", "captions", "cap", "caps"),
        *("description", "descriptions", "desc", "comment", "comments", "note", "notes", "wh", "size", "sizes"),
        *("lexicon", "lexicons", "lex", "txt", "box", "boxes", "bbox", "bboxes", "keypoint", "keypoints", "kpts"),
        *("landmark", "landmarks", "attr", "attrs", "attribute", "attributes", "tag", "tags", "meta", "metadata"),
        *("info", "extra", "extras", "negative", "weight", "weights", "hint", "hints"),
    }
)
"""Names of parts that a sample need not have."""
ROLES = frozenset(
    {
        *("image", "images", "img", "imgs", "picture", "pictures", "pic", "pics", "photo", "photos", "frame", "frames"),
        *("rgb", "depth", "disparity", "color", "gray", "word", "words", "sentence", "sentences", "transcripts"),
        *("mask", "masks", "seg", "segmentation", "label", "labels", "lbl", "target", "targets", "annotation"),
        *("annotations", "ann", "anno", "annos", "caption", "captions", "text", "texts", "txt", "prompt", "prompts"),
        *("gt", "hr", "lr", "hq", "lq", "sr", "clean", "noisy", "noise", "source", "src", "tgt", "input", "inputs"),
        *("output", "outputs", "left", "right", "box", "boxes", "bbox", "bboxes", "flow", "flows", "normal", "normals"),
        *("pose", "poses", "keypoints", "audio", "video", "videos", "latent", "latents", "feature", "features", "feat"),
        *("feats", "embedding", "embeddings", "points", "cloud", "data", "meta", "x", "y"),
    }
)
"""Names of the parts of samples, and of databases that hold them."""
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")


def words(name: str) -> frozenset[str]:
    """Return the words in the name of a part in lower case; words that are written together are split.

    >>> sorted(words("imageMasks_2"))
    ['2', 'image', 'masks']
    """
    return frozenset(it.lower() for it in _WORD.findall(name))


def are_parts(one: str, other: str) -> bool:
    """Return whether two names denote different parts of a sample, such as image and mask."""
    roles = [ROLES & words(it) for it in (one, other)]
    return bool(roles[0] and roles[1]) and roles[0] != roles[1]


def ends_early(shared: Runs, both: Runs) -> bool:
    """Return whether two numberings without gaps differ only at their ends, as those of unrelated things do."""
    return shared != both and both.pieces == 1 and shared.pieces == 1


Part = TypeVar("Part")


def needed_parts(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Return the parts that every sample needs, or all if none is; not every picture has a mask or a caption."""
    every = tuple(parts)
    return tuple(it for it in every if not OPTIONAL & words(str(it))) or every


def verdict_of(whole: int, every: int) -> Verdict:
    """Return the verdict on a sample that lacks a part, given how many of all samples are whole."""
    return "bad" if whole >= WHOLE * every else "suspicious"


class Groups(msgspec.Struct, frozen=True):
    """The samples of a store. The records with the same number form a sample.

    `parts` are in every sample, `optional` ones in some. `whole` are the numbers that all parts have, `all` those that
    any part has, and `complete` is how many numbers have all parts that are needed. `asked` are the parts that a loader
    is known to ask for; a sample that lacks a needed one of them is bad. If all incomplete samples are at an end of the
    numbering, and the names do not denote parts, the patterns may be two sets that are numbered alike, such as cats and
    dogs.
    """

    parts: tuple[Pattern, ...]
    optional: tuple[Pattern, ...]
    whole: Runs
    all: Runs
    complete: int
    asked: tuple[Pattern, ...] = ()

    @property
    def patterns(self) -> tuple[Pattern, ...]:
        return (*self.parts, *self.optional)

    def number(self, key: bytes) -> int | None:
        """Return the number of the sample that a key belongs to, or None if it belongs to none."""
        return next((it for pattern in self.patterns if (it := pattern.number(key)) is not None), None)

    def unpaired(self, numbers: Mapping[Pattern, Runs]) -> Iterator[Finding]:
        """Yield a finding for each sample that lacks a part; its key is that of an existing part."""
        every, required = len(self.all), needed_parts(self.parts)
        names = [str(it) for it in self.parts]
        are_roles = all(are_parts(one, other) for one, other in itertools.combinations(names, 2))
        unsure = ends_early(self.whole, self.all) and not are_roles
        whole_text = f"{len(self.whole):,} of {every:,} samples have all of {', '.join(names)}"
        for number in self.all - self.whole:
            present = next(it for it in self.parts if number in numbers[it])
            lacking = [it for it in self.parts if number not in numbers[it]]
            lacks_required = any(it in required for it in lacking)
            if any(it in required and it in self.asked for it in lacking):
                verdict: Verdict = "bad"
            elif unsure:
                verdict = "suspicious"
            else:
                verdict = verdict_of(self.complete if lacks_required else len(self.whole), every)
            missing = [escape(it.key(number)) for it in lacking]
            text = f"{', '.join(missing)} is not there; {whole_text}"
            finding = found("unpaired", text, verdict=verdict, missing=missing)
            yield msgspec.structs.replace(finding, key=escape(present.key(number)))


def groups_of(
    parts: Sequence[Pattern], numbers: Mapping[Pattern, Runs], *, named: bool, further: Sequence[Pattern] = ()
) -> Groups | None:
    """Return how records form samples, or None if their numbers do not show it.

    Patterns that have nearly all numbers of the largest one are parts of every sample. So are the first two of a
    `named` convention, whatever their numbers. A pattern in `further` is a part if its numbers show it.
    """
    present = [it for it in parts if numbers.get(it)]
    largest = max(present, key=lambda it: len(numbers[it]), default=None)
    if largest is None:
        return None
    near = [it for it in present if len(numbers[it] & numbers[largest]) >= NEARLY * len(numbers[largest])]
    if named:
        near = [it for it in present if it in near or it in parts[:2]]
    besides, some = _further_parts(further, numbers, numbers[largest])
    if not named:  # pictures may differ in their number of captions
        besides, some = [], [*besides, *some]
    if len(present) + len(besides) + len(some) < 2:
        return None
    if not named and (len(near) < 2 or _are_sets(near)):
        return None
    if len(near) < 2 and not besides and not some:
        return None
    asked = tuple(near) if named else ()
    near = [*(near if named else sorted(near, key=str)), *besides]  # the order of sampled keys means nothing
    whole, every = common(numbers[it] for it in near), union(numbers[it] for it in near)
    if not named and (len(whole) < NEARLY * len(every) or len(whole) < ENOUGH):
        return None
    optional = (*(it for it in present if it not in near), *some)
    complete = len(common(numbers[it] for it in needed_parts(near)))
    return Groups(tuple(near), optional, whole, every, complete, asked)


def groups_with_some(
    part: Pattern, others: Sequence[Pattern], numbers: Mapping[Pattern, Runs], pieces: Sequence[Pattern] = ()
) -> Groups | None:
    """Return samples of one record each, with further parts that only some have: not every picture has a mask.

    Return None if none of the other patterns and `pieces` has some of the numbers of `part` with gaps between them, and
    none of `pieces` has nearly all of them.
    """
    _, some = _further_parts([it for it in others if it != part], numbers, numbers[part])
    near, some_pieces = _further_parts(pieces, numbers, numbers[part])
    some += [*near, *some_pieces]
    every = numbers[part]
    return Groups((part,), tuple(some), every, every, len(every)) if some else None


def common(numbers: Iterable[Runs]) -> Runs:
    """Return the numbers that all of the sets have."""
    first, *others = numbers
    result = first.copy()
    for it in others:
        result = result & it
    return result


def union(numbers: Iterable[Runs]) -> Runs:
    """Return the numbers that any of the sets has."""
    result = Runs()
    for it in numbers:
        result += it
    return result


def _further_parts(
    further: Sequence[Pattern], numbers: Mapping[Pattern, Runs], reference: Runs
) -> tuple[list[Pattern], list[Pattern]]:
    """Return the patterns in `further` with nearly the same numbers as `reference`, and those with only some of them.

    The latter must have gaps between their numbers, as the masks of some pictures have and classes do not.
    """
    near, some = [], []
    for it in further:
        runs = numbers.get(it)
        if not runs or _are_sets([it]):
            continue
        shared = len(runs & reference)
        if shared >= NEARLY * max(len(runs), len(reference)):
            near.append(it)
        elif shared == len(runs) and runs.pieces >= ACCIDENTS:
            some.append(it)
    return near, some


def _are_sets(parts: Sequence[Pattern]) -> bool:
    return any(it.before.strip(b"-_/.").lower() in SETS for it in parts)

"""Recognise what the families of keys hold, by what the sampled values look like: a vote, and no look at the store."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from datacheck.decoders import SIDE_DECODERS, kind, payload, value_decoders
from datacheck.errors import UsageError
from datacheck.model.blocks import Block
from datacheck.model.key_families import fold, named_alike
from datacheck.model.profile import EMPTY, UNKNOWN
from datacheck.scanning.blame import blaming

FAMILIES = 32
"""A profile has no more families than this; the others are judged together, or each record by its own magic."""
SAMPLED = 16
"""So many values of each family are sampled, if there are so many."""
SHARE = 50
"""A family of one in so many of the sampled values is one of the profile's, however few they are."""
NUMBERS = 0.95
"""Where fewer of the texts than this are numbers, they are words: a family of numbers may hold no NaN."""
LABELS = frozenset(("label", "labels", "y", "target", "targets", "class", "cls"))
"""A family whose key has one of these words in it is of labels."""
WORDS = frozenset(("decimal", "text"))
_WORD = re.compile(r"[a-z]+")


class Look(NamedTuple):
    """What was seen of a sampled value: where it is, its size, and the decoder that knows it (or UNKNOWN, EMPTY)."""

    database: str | None
    key: bytes
    size: int
    kind: str


def looks(block: Block, forced: str | None) -> list[Look]:
    """Return what the values of a block look like; with a decoder that is `forced` nobody asks."""
    with blaming("undecodable"):
        kinds = [EMPTY if not len(it) else forced or kind(it) or UNKNOWN for it in block.values]
    sizes = map(len, block.values)
    return [Look(block.database, *of_value) for of_value in zip(block.keys, sizes, kinds, strict=True)]


def families_of(seen: Sequence[Look]) -> list[str]:
    """Return the name of the family of each: numbers that take few values are a part of it."""
    alike: dict[tuple[str | None, str], list[int]] = defaultdict(list)
    for at, look in enumerate(seen):
        alike[look.database, fold(look.key)].append(at)
    names = [""] * len(seen)
    for (database, _), places in alike.items():
        prefix = "" if database is None else f"{database}:"
        for at, name in zip(places, named_alike([seen[at].key for at in places]), strict=True):
            names[at] = prefix + name
    return names


def main_families(names: Iterable[str]) -> list[str]:
    """Return those of the families that are the profile's own."""
    counts = Counter(names)
    order = sorted(counts, key=lambda family: (-counts[family], family))[:FAMILIES]
    enough = min(SAMPLED, counts.total() / SHARE)
    return sorted(family for family in order if counts[family] > 1 and counts[family] >= enough)


def too_few(names: Sequence[str]) -> frozenset[str]:
    """Return the families of the profile of which there are too few among the sampled values."""
    counts = Counter(names)
    return frozenset(family for family in main_families(names) if counts[family] < SAMPLED)


@dataclass(frozen=True)
class Vote:
    """What the sampled values of a family come to: what is to decode them, and how many there are of each kind."""

    decoder: str
    kinds: Mapping[str, int]
    label: bool = False

    @property
    def empty(self) -> int:
        """The number of values of no bytes."""
        return self.kinds.get(EMPTY, 0)

    @property
    def full(self) -> int:
        """The number of values that have any bytes."""
        return sum(self.kinds.values()) - self.empty

    @property
    def of_training(self) -> bool:
        """Whether these are, or may be, the records that others lie beside."""
        count = sum(number for name, number in self.kinds.items() if name not in (UNKNOWN, EMPTY, *SIDE_DECODERS))
        return self.decoder not in (UNKNOWN, *SIDE_DECODERS) or 4 * count > self.full

    def alone(self) -> Vote:
        """Return what is left of the vote where there is nothing that texts and numbers could lie beside."""
        kinds: Counter[str] = Counter()
        for name, number in self.kinds.items():
            kinds[UNKNOWN if name in SIDE_DECODERS else name] += number
        return Vote(UNKNOWN if self.decoder in SIDE_DECODERS else self.decoder, kinds)


def elect(seen: Sequence[Look], forced: str | None, *, label: bool = False) -> Vote:
    """Return the vote of the values of one family: a decoder that knows more than half of them, UNKNOWN without one."""
    kinds = Counter(look.kind for look in seen)
    name = forced or elected(kinds, single=all(look.size <= 1 for look in seen))
    return Vote(name, kinds, label and name in SIDE_DECODERS)


def elected(kinds: Counter[str], *, single: bool = False) -> str:
    """Return the decoder that knows more than half of the values that have any bytes, UNKNOWN without one."""
    full = kinds.total() - kinds[EMPTY]
    if single and kinds["byte"]:  # some of all bytes look like a text of one letter
        return "byte"
    words = sum(kinds[name] for name in WORDS)
    if 2 * words > full:
        return "decimal" if kinds["decimal"] >= NUMBERS * words else "text"
    name = max(sorted(kinds.keys() - {EMPTY}), key=lambda name: kinds[name], default=UNKNOWN)
    return name if 2 * kinds[name] > full else UNKNOWN


@dataclass(frozen=True)
class Families:
    """The votes of the main families, and `rest` that of all other keys together, None where they are too few.

    With `strays` there are such.
    """

    votes: Mapping[str, Vote]
    rest: Vote | None
    strays: bool = False

    @classmethod
    def of(cls, seen: Sequence[Look], forced: str | None = None, label_field: str | None = None) -> Families:
        """Decide by the looks of all probes; `forced` is the decoder's name, if the caller gave one.

        Raises UsageError for a decoder of rows, where there are keys and values.
        """
        if seen and forced is not None and payload(forced).rows:
            known = ", ".join(value_decoders())
            raise UsageError(f"the decoder {forced} is not for keys and values; there are {known}")
        names = families_of(seen)
        members: dict[str, list[Look]] = {family: [] for family in main_families(names)}
        others: list[Look] = []
        for name, look in zip(names, seen, strict=True):
            members.get(name, others).append(look)
        votes = {name: elect(of, forced, label=is_label(name, label_field)) for name, of in members.items()}
        rest = elect(others, forced) if others and (not votes or 2 * len(others) >= len(seen)) else None
        every = [*votes.values(), *([rest] if rest else [])]
        if forced is None and not any(vote.of_training for vote in every):
            votes = {name: vote.alone() for name, vote in votes.items()}
            rest = elect(others, None).alone()
        return cls(votes, rest, bool(others) and rest is None)

    def vote(self, family: str | None) -> Vote | None:
        """Return the vote of a family, or (None) of all the rest."""
        return self.rest if family is None else self.votes[family]

    def decoder(self, family: str | None) -> str | None:
        """Return what is to decode the values of a family, or (None) of all the rest; None if nothing is."""
        vote = self.vote(family)
        return None if vote is None or vote.decoder == UNKNOWN else vote.decoder


def is_label(family: str, label_field: str | None) -> bool:
    """Say if the words of a family's name make it one of labels.

    >>> is_label("train/label-#", None), is_label("labelled-#", None), is_label("gt_#", "gt")
    (True, False, True)
    """
    words = _WORD.findall(family.lower())
    return not LABELS.isdisjoint(words) or (label_field is not None and label_field.lower() in words)

"""Recognise what the families of keys hold by a vote over the sampled values, without access to the store."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from math import prod
from typing import NamedTuple

import msgspec

from datacheck.decoders import JOINT, SIDE_DECODERS, kind, payload, value_decoders
from datacheck.errors import UsageError
from datacheck.model.blocks import Block
from datacheck.model.forced import RAW, Forced, is_raw
from datacheck.model.key_families import fold, named_alike
from datacheck.model.profile import EMPTY, UNKNOWN, FamilyProfile, UsualLength
from datacheck.model.replacing import replace
from datacheck.model.settings import Array
from datacheck.scanning.blame import blaming
from datacheck.scanning.profile.meant import not_meant
from datacheck.scanning.profile.part_families import any_of_parts, take_parts_for_families
from datacheck.scanning.profile.side_records import usual_lengths
from datacheck.scanning.profile.text_looks import NO_TEXT, WORDS, are_words, texts

FAMILIES = 32
"""Maximum number of families in a profile. The others are judged together, or each record by its own magic."""
SAMPLED = 16
"""Number of values sampled of each family, if it has as many."""
SHARE = 50
"""A family with at least one in this many of the sampled values is in the profile, however few they are."""
ALIKE = 0.75
"""Minimum share of one kind among values whose keys form no families for the database to become their family."""
NUMBERS = 0.95
"""Minimum share of numbers among texts. With fewer, they are words; a family of numbers must not hold NaN."""
LABELS = frozenset(("label", "labels", "y", "target", "targets", "class", "cls"))
"""Words in the name of a family which say that it holds labels."""
TEXT_BYTES = 64
"""Minimum total size in bytes of fewer than SAMPLED values that are texts not only by chance."""
NEARLY_ALL = 0.9
"""Minimum share of one length among undecodable values for values of small families to be expected to have it too."""
_WORD = re.compile(r"[a-z]+")
_OF_A_CLASS = re.compile(r"(class|cls|label|target|y)[-_. ]?[#0-9]+")


class Look(NamedTuple):
    """What was seen of a sampled value: where it is, its size, and the decoder that knows it (or UNKNOWN, EMPTY).

    `form` is the known format of a value that no decoder knows, if it has one; `plain` is set for plain text, `numeric`
    for that of rows of numbers, `data` also for literals. `words` are the places of the words in a row of numbers.
    """

    database: str | None
    key: bytes
    size: int
    kind: str
    form: str = ""
    plain: bool = False
    numeric: bool = False
    words: frozenset[int] = frozenset()
    data: bool = False


def looks(block: Block, forced: Forced) -> list[Look]:
    """Return the looks of the values of a block. If one decoder is `forced` for all of them, no decoder is tried."""
    forced_name = None if forced.rest is None or forced.families or forced.spares_texts else forced.rest.decoder
    with blaming("undecodable"):
        kinds = [EMPTY if not len(it) else forced_name or kind(it) or UNKNOWN for it in block.values]
    sizes = map(len, block.values)
    forms = _forms(block, kinds) if UNKNOWN in kinds else [""] * len(kinds)
    of_texts = texts(block, kinds) if any(map(are_words, kinds)) else [NO_TEXT] * len(kinds)
    of_values = zip(block.keys, sizes, kinds, forms, strict=True)
    return [Look(block.database, *of_value, *of_text) for of_value, of_text in zip(of_values, of_texts, strict=True)]


def _forms(block: Block, kinds: Sequence[str]) -> list[str]:
    """Return the known formats of the values that no decoder knows, "" for the others."""
    from datacheck.decoders.foreign import known_format  # a worker has loaded its dependencies already

    return [known_format(it) or "" if name == UNKNOWN else "" for it, name in zip(block.values, kinds, strict=True)]


def families_of(seen: Sequence[Look], wanted: Collection[str] = ()) -> list[str]:
    """Return the family of each value. Numbers that take few values are part of its name.

    A key that belongs to one of the `wanted` families is assigned to that.
    """
    alike: dict[tuple[str | None, str], list[int]] = defaultdict(list)
    for at, look in enumerate(seen):
        alike[look.database, fold(look.key)].append(at)
    names = [""] * len(seen)
    for (database, _), places in alike.items():
        prefix = "" if database is None else f"{database}:"
        for at, name in zip(places, named_alike([seen[at].key for at in places]), strict=True):
            names[at] = prefix + name
    take_parts_for_families(seen, names, SAMPLED)
    _take_databases_for_families(seen, names)
    for database in {look.database for look in seen} if wanted else ():
        places = [at for at, look in enumerate(seen) if look.database == database]
        keys = [seen[at].key for at in places]
        for at, given in zip(places, Block(keys, keys, database).named(range(len(keys)), wanted), strict=True):
            names[at] = given or names[at]
    return names


def _take_databases_for_families(seen: Sequence[Look], names: list[str]) -> None:
    """Use the database as the family of keys that form none, such as packed numbers or digests, if it is full of them.

    In a small database, all of their values must be of one kind. Other databases may hold other things under the same
    keys, such as the pictures in one and their labels in another.
    """
    of_database: dict[str, list[int]] = defaultdict(list)
    for at, look in enumerate(seen):
        of_database[look.database or ""].append(at)
    if len(of_database) < 2:
        return
    counts = Counter(names)
    for database, places in of_database.items():
        alone = [at for at in places if counts[names[at]] < SAMPLED]
        kinds = Counter("text" if seen[at].kind in WORDS else seen[at].kind for at in alone)
        most = max(kinds.values(), default=0)
        large = len(alone) >= max(SAMPLED, len(places) / 2) and most >= ALIKE * len(alone)
        alike = most == len(alone) > 1 and kinds.keys().isdisjoint((UNKNOWN, EMPTY))
        if database and (large or alike):
            for at in alone:
                names[at] = f"{database}:"


def main_families(names: Iterable[str], wanted: Collection[str] = ()) -> list[str]:
    """Return the families that the profile has entries for, including the `wanted` ones."""
    counts = Counter(names)
    order = sorted(counts, key=lambda family: (-counts[family], family))[:FAMILIES]
    enough = min(SAMPLED, counts.total() / SHARE)
    return sorted({*wanted, *(family for family in order if counts[family] > 1 and counts[family] >= enough)})


def too_few(names: Sequence[str]) -> frozenset[str]:
    """Return the families of the profile that have too few sampled values."""
    counts = Counter(names)
    return frozenset(family for family in main_families(names) if counts[family] < SAMPLED)


class Vote(msgspec.Struct, frozen=True):
    """The result for the sampled values of a family: the decoder to use, and the number of values of each kind.

    `plain` is set if nearly all values that have any bytes are plain texts or numbers; what is not described here is as
    in the family's profile.
    """

    decoder: str
    kinds: Mapping[str, int]
    label: bool = False
    forced: bool = False
    array: Array | None = None
    length: UsualLength | None = None
    form: str = ""
    plain: bool = False
    alone: bool = False
    numeric: bool = False
    words: tuple[int, ...] = ()
    of_data: bool = False
    key_lengths: tuple[int, ...] = ()

    def applied_to(self, family: FamilyProfile) -> FamilyProfile:
        """Return the profile of the family with what was voted for."""
        return replace(
            family,
            label=self.label,
            forced=self.forced,
            array=self.array,
            length=self.length,
            form=self.form,
            alone=self.alone,
            numeric=self.of_numbers,
            of_data=self.of_data,
            words=self.words if self.of_numbers else (),
            key_lengths=self.key_lengths,
        )

    @property
    def of_numbers(self) -> bool:
        """Whether the texts are rows of numbers and the records themselves; those in a wrapper lie beside nothing."""
        return self.numeric and (self.alone or JOINT in self.decoder)

    @property
    def empty(self) -> int:
        """The number of values of zero bytes."""
        return self.kinds.get(EMPTY, 0)

    @property
    def full(self) -> int:
        """The number of values that have any bytes."""
        return sum(self.kinds.values()) - self.empty

    @property
    def of_training(self) -> bool:
        """Whether these are, or may be, the records to train on, beside which others lie."""
        count = sum(number for name, number in self.kinds.items() if name not in (UNKNOWN, EMPTY, *SIDE_DECODERS))
        return self.decoder not in (UNKNOWN, *SIDE_DECODERS) or 4 * count > self.full

    def without_others(self) -> Vote:
        """Return the vote for a store in which there is nothing that texts and numbers could lie beside.

        Plain texts and numbers are then the records themselves; what only looks like them is not known.
        """
        if self.plain and self.decoder in WORDS:
            return replace(self, alone=True)
        kinds: Counter[str] = Counter()
        for name, number in self.kinds.items():
            kinds[UNKNOWN if name in SIDE_DECODERS else name] += number
        if self.forced:
            return self
        return replace(self, decoder=UNKNOWN if self.decoder in SIDE_DECODERS else self.decoder, kinds=kinds)


def elect(seen: Sequence[Look], forced: str | None, *, label: bool = False, array: Array | None = None) -> Vote:
    """Return the vote of the values of one family.

    Its decoder is the forced one, or one that knows more than half of the values, or else UNKNOWN.
    """
    kinds = Counter(look.kind for look in seen)
    full = len(seen) - kinds[EMPTY]
    if forced is not None:
        kinds = Counter({EMPTY: kinds[EMPTY], forced: full})
        return Vote(forced, kinds, label and (forced in SIDE_DECODERS or is_raw(forced)), forced=True, array=array)
    name = elected(kinds, single=all(look.size <= 1 for look in seen))
    text_count = sum(count for it, count in kinds.items() if are_words(it))
    rows = [look for look in seen if look.numeric]
    counts = Counter(at for look in rows for at in look.words)
    words = tuple(sorted(at for at, count in counts.items() if 2 * count > len(rows)))
    name = "text" if name == "decimal" and words else name  # serials such as 3E456
    return Vote(
        name,
        kinds,
        label and name in SIDE_DECODERS,
        length=_usual_length(seen),
        form=_form(seen),
        plain=_are_plain(seen),
        numeric=len(rows) >= NEARLY_ALL * text_count,
        words=words,
        of_data=sum(look.data for look in seen) >= NEARLY_ALL * text_count,
    )


def _are_plain(seen: Sequence[Look]) -> bool:
    """Return whether nearly all values are plain text, and enough of it that no other bytes look like it by chance."""
    plain = [look.size for look in seen if look.plain]
    full = sum(look.kind != EMPTY for look in seen)
    return len(plain) >= NEARLY_ALL * full and (len(plain) >= SAMPLED or sum(plain) >= TEXT_BYTES)


def _form(seen: Sequence[Look]) -> str:
    """Return the format that nearly all values unknown to decoders have in common, or ""."""
    return usual_form(Counter(look.form for look in seen if look.kind == UNKNOWN))


def usual_form(forms: Counter[str]) -> str:
    """Return the known format of nearly all values, given the number of each, or ""."""
    form, count = forms.most_common(1)[0] if forms else ("", 0)
    return form if count >= NEARLY_ALL * forms.total() else ""


def _usual_length(seen: Sequence[Look]) -> UsualLength | None:
    """Return the length that more than half of the values unknown to decoders have, or None.

    Bytes and short texts count too: labels of one byte look like them, and lie beside raw values under random keys.
    """
    sizes = Counter(look.size for look in seen if look.kind == UNKNOWN or look.kind in SIDE_DECODERS)
    if all(look.kind != UNKNOWN for look in seen):
        return None
    count = sizes.total()
    if count < SAMPLED:
        return None
    size = min(sizes, key=lambda size: (-sizes[size], size))
    return UsualLength(size, round(sizes[size] / count, 4)) if 2 * sizes[size] > count else None


def _with_usual_length(vote: Vote, seen: Sequence[Look], usual: UsualLength) -> Vote:
    """Return the vote of a family with the usual length, if more than half of its own few values have that length."""
    if vote.decoder != UNKNOWN or vote.length is not None:
        return vote
    sizes = [look.size for look in seen if look.kind == UNKNOWN]
    return replace(vote, length=usual) if 2 * sizes.count(usual.size) > len(sizes) else vote


def elected(kinds: Counter[str], *, single: bool = False) -> str:
    """Return the decoder that knows more than half of the values that have any bytes, or UNKNOWN."""
    full = kinds.total() - kinds[EMPTY]
    if single and kinds["byte"]:  # some bytes look like a text of one letter
        return "byte"
    words = sum(kinds[name] for name in WORDS)
    if 2 * words > full:
        return "decimal" if kinds["decimal"] >= NUMBERS * words else "text"
    name = max(sorted(kinds.keys() - {EMPTY}), key=lambda name: kinds[name], default=UNKNOWN)
    return name if 2 * kinds[name] > full else UNKNOWN


def _refuse_decoders_of_rows(forced: Forced) -> None:
    for how in (*forced.families.values(), *([forced.rest] if forced.rest else [])):
        if payload(how.decoder).rows:
            known = ", ".join(value_decoders())
            raise UsageError(f"the decoder {how.decoder} is not for keys and values; there are {known}")


class Families(msgspec.Struct, frozen=True):
    """The votes of the main families. `rest` is that of all other keys together, or None if they are too few.

    `strays` is set if there are such few other keys.
    """

    votes: Mapping[str, Vote]
    rest: Vote | None
    strays: bool = False

    @classmethod
    def from_looks(cls, seen: Sequence[Look], forced: Forced, label_field: str | None) -> Families:
        """Decide from the looks of all probes; `forced` is what the caller said about decoders.

        Raises UsageError if a decoder of rows is given for keys and values.
        """
        if seen:
            _refuse_decoders_of_rows(forced)
        wanted = forced.families if seen else ()
        names = families_of(seen, wanted)
        members: dict[str, list[Look]] = {family: [] for family in main_families(names, wanted)}
        others: list[Look] = []
        for name, look in zip(names, seen, strict=True):
            members.get(name, others).append(look)
        apart = not_meant(members, others, forced)
        votes = {name: _vote(name, group, forced, label_field, apart) for name, group in members.items()}
        enough = min(len(seen) / 2, SAMPLED) if any_of_parts(members) else len(seen) / 2
        rest = _vote(None, others, forced, apart=apart) if others and (not votes or len(others) >= enough) else None
        every = [*votes.values(), *([rest] if rest else [])]
        if (forced.rest is None or (seen and forced.spares_texts)) and not any(vote.of_training for vote in every):
            forced = replace(forced, texts_beside=False)
            votes = {name: _vote(name, group, forced, label_field).without_others() for name, group in members.items()}
            if rest is not None or not any(vote.alone for vote in votes.values()):
                rest = _vote(None, others, forced).without_others()
        usual = _usual_length(seen)
        if usual is not None and usual.share >= NEARLY_ALL:
            votes = {name: _with_usual_length(vote, members[name], usual) for name, vote in votes.items()}
        if rest is not None:
            rest = replace(rest, key_lengths=usual_lengths({look.key for look in others}))
        return cls(votes, rest, bool(others) and rest is None)

    def vote(self, family: str | None) -> Vote | None:
        """Return the vote of a family, or of all other keys for None."""
        return self.rest if family is None else self.votes[family]

    def decoder(self, family: str | None) -> str | None:
        """Return the decoder for the values of a family, or of all other keys for None; None if there is none."""
        vote = self.vote(family)
        return None if vote is None or vote.decoder == UNKNOWN else vote.decoder


def _vote(
    family: str | None,
    seen: Sequence[Look],
    forced: Forced,
    label_field: str | None = None,
    apart: Collection[str | None] = (),
) -> Vote:
    """Return the vote of a family, or of all other keys for None.

    An array that is given for all values is not meant for the families in `apart`.
    """
    if family in apart:
        forced = replace(forced, rest=None)
    label = family is not None and is_label(family, label_field)
    how = forced.of(family)
    if how is not None and how is forced.rest and forced.spares_texts:
        vote = elect(seen, None, label=label)
        if vote.decoder in SIDE_DECODERS:
            return vote
    if how is not None and how.decoder == RAW and how.array is not None:
        how = replace(how, decoder=_wrapped(seen, how.array))
    return elect(seen, None if how is None else how.decoder, label=label, array=None if how is None else how.array)


def _wrapped(seen: Sequence[Look], array: Array) -> str:
    """Return the decoder of raw arrays, in the wrapper that nearly all of these values are in if they are in one.

    Values that have as many bytes as the array takes are in none.
    """
    full = [look for look in seen if look.kind != EMPTY]
    wrappers = Counter(look.kind.rpartition(JOINT)[0] for look in full)
    wrapper, count = max(wrappers.items(), key=lambda it: it[1], default=("", 0))
    items = 0 if array.shape is None else prod(array.shape)
    unwrapped = sum(look.size in (items, 2 * items, 4 * items, 8 * items) for look in full)
    return f"{wrapper}{JOINT}{RAW}" if wrapper and count >= NEARLY_ALL * len(full) and 2 * unwrapped < count else RAW


def is_label(family: str, label_field: str | None) -> bool:
    """Return whether a family is one of labels by the words in its name.

    The name of a folder for one class does not count.

    >>> is_label("train/label-#", None), is_label("labelled-#", None), is_label("gt_#", "gt")
    (True, False, True)
    >>> is_label("train/class_3/#", None), is_label("label/#", None)
    (False, True)
    """
    *folders, name = family.lower().split("/")
    words = words_of("/".join([*(it for it in folders if not _OF_A_CLASS.fullmatch(it)), name]))
    return not LABELS.isdisjoint(words) or (label_field is not None and label_field.lower() in words_of(family))


def words_of(family: str) -> list[str]:
    """Return the words in the name of a family, any of which `--label-field` may name."""
    return _WORD.findall(family.lower())

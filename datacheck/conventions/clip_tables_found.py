"""Recognise mappings from the names of clips to lists of their frames by the frames that there are."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from datacheck.conventions.clip_lists import BINARY, FIELDS, are_numbers, lists_all, number_forms
from datacheck.conventions.clip_tables import ClipTable, Name, clip_entries, lists_inside
from datacheck.conventions.indexes import PROBED, suffixes
from datacheck.conventions.interface import StoreView
from datacheck.conventions.keys.groups import words
from datacheck.conventions.lists_within import keys_with_lists
from datacheck.conventions.naming_records import IN_PART, Clip
from datacheck.conventions.values.rewriting import Place, is_lossless
from datacheck.conventions.values.sibling_counts import COUNTING, sibling_counts, without
from datacheck.conventions.values.standing import CLASSES, stand_alone
from datacheck.conventions.values.stored_values import Stored, is_key_list, key_of

DEEPEST = 2
"""Maximum depth of the mapping of clips in a value."""
SHARE = 0.5
"""Minimum share of the examined frames of a clip that must be there."""
WHOLE = 0.9
"""That share for a further kind of frames, such as optical flow beside pictures."""
NEARLY = 0.75
"""Minimum share of the examined clips whose frames must be found in one form."""
FEWEST = 3
"""Minimum number of examined frames that must be there."""
WAYS = 4
"""Maximum number of kinds of frames."""
MOST = 256
"""Maximum number of clips whose entries are examined for what depends on their lists."""
_FRAMES = "frame frames keyframe keyframes image images img imgs picture pictures"
FRAMES = frozenset(_FRAMES.split())
"""Words in names of lists that need not name every frame of a clip."""
_MEASURES = "size sizes shape shapes resolution resolutions range ranges span spans interval intervals bound bounds"
MEASURES = frozenset(_MEASURES.split())
"""Words in names of lists that are sizes, or first and last frames."""
PIECES = 64
"""Maximum number of pieces of a key at which the name of a clip may begin."""
_PIECE = re.compile(rb"[A-Za-z0-9]+|[^A-Za-z0-9]")
_BETWEEN = re.compile(rb"[^0-9]*")


class _Table(NamedTuple):
    """A mapping of clips: where it is in the value, the name of its clips' names if it is a list, and its entries."""

    path: tuple[Name, ...]
    column: str
    entries: Mapping[bytes, Any]


Pieces = Mapping[bytes, Sequence[tuple[bytes, int]]]
"""The keys that contain a piece, as far as letters and digits reach, and where it begins."""


class _Found(NamedTuple):
    """The sampled keys of the frames of some clips: what they begin with, and by clip, what comes after its name."""

    prefix: bytes
    rests: Mapping[bytes, Collection[bytes]]


def clip_tables(
    views: Mapping[str, StoreView], known: Collection[tuple[str, bytes]]
) -> Iterator[tuple[str, ClipTable]]:
    """Yield each database that holds frames, and a record that lists these by clip; `known` are records of others."""
    pieces = dict[str, Pieces]()
    for part, view in views.items():
        for key in keys_with_lists(view):
            parsed = view.listed(key) if (part, key) not in known else None
            if parsed is None or (parsed.in_part and parsed.form not in BINARY):
                continue
            for table in _tables(parsed.value, ()):
                for owner in (part, *(it for it in views if it != part)):
                    if owner not in pieces:
                        pieces[owner] = _pieces_of(views[owner].keys)
                    ways = list(_ways(table, key, views[owner], pieces[owner]))
                    for clip, prefix in ways:
                        deep = bool(clip.field) and not any(_has(it, clip.field) for it in table.entries.values())
                        fixed = deep or not _can_be_rewritten(view.value(key) or b"", parsed, table, clip.field)
                        form = IN_PART + parsed.form if parsed.in_part else parsed.form
                        at = (key, table.path, table.column, prefix, deep)
                        yield owner, ClipTable(part, None, form, clip, fixed, *at)
                    if ways:
                        break


def _tables(value: Any, path: tuple[Name, ...]) -> Iterator[_Table]:
    """Yield each mapping or list of mappings in a value that may be of clips."""
    if isinstance(value, dict):
        several = sum(isinstance(it, (list, dict)) and bool(it) for it in value.values())
        if 2 * several >= len(value):
            yield _Table(path, "", {name: it for _, name, it in clip_entries(value, "")})
        if len(path) < DEEPEST:
            for name, it in list(value.items())[:FIELDS]:
                yield from _tables(it, (*path, name))
    elif isinstance(value, list) and len(value) > 1 and all(isinstance(it, dict) for it in value):
        for column in [name for name, it in value[0].items() if isinstance(name, str) and isinstance(it, (str, bytes))]:
            entries = {name: it for _, name, it in clip_entries(value, column)}
            if len(entries) == len(value):
                yield _Table(path, column, entries)


def _ways(table: _Table, key: bytes, view: StoreView, pieces: Pieces) -> Iterator[tuple[Clip, bytes]]:
    """Yield how the lists of a table name the frames in a database, with what the keys of these begin with."""
    for found in _found(table.entries, pieces):
        yield from ((it, found.prefix) for it in _ways_with(found, table, key, view))


def _ways_with(found: _Found, table: _Table, key: bytes, view: StoreView) -> list[Clip]:
    """Return how the lists of a table name the frames whose keys have one prefix."""
    probed = sorted(it for it in found.rests if table.entries[it])
    probed = probed[:: max(1, len(probed) // PROBED)][:PROBED]
    ways: Counter[Clip] = Counter()
    frames: Counter[Clip] = Counter()
    whole: Counter[Clip] = Counter()
    for name in probed:
        for clip, share, number in _ways_of_clip(name, table, key, found, view.value):
            ways[clip] += 1
            frames[clip] += number
            whole[clip] += share >= WHOLE
    likely = [it for it, count in ways.items() if count >= NEARLY * len(probed) and frames[it] >= FEWEST]
    likely = [it for it in likely if it.width is None or ways[it] > 1]
    best = sorted(likely, key=lambda it: (-frames[it], it.width is None, len(it.between), str(it)))
    kinds = dict[tuple[bytes, bytes], Clip]()
    for clip in best:
        if not kinds or whole[clip] >= len(probed) - max(len(probed) > FEWEST, len(probed) // 10):
            kinds.setdefault((clip.between, clip.after), clip)
    return list(kinds.values())[:WAYS]


def _ways_of_clip(
    name: bytes, table: _Table, key: bytes, found: _Found, value: Callable[[bytes], bytes | None]
) -> Iterator[tuple[Clip, float, int]]:
    """Yield the forms in which an entry lists the frames of a clip, with the share and number that are there."""
    for field, items, named in _lists_of(table, table.entries[name], key):
        numbers = type(items[0]) is int
        for between, rests in _rests_by_between(found.rests[name]).items():
            first = b"" if numbers else key_of(items[0])
            for after, width in number_forms(rests) if numbers else [(it, None) for it in suffixes(first, rests)]:
                listed = [b"%0*d" % (width, it) if width is not None else key_of(it) for it in items]
                if not named and all(map(bytes.isdigit, listed)) and not lists_all(listed, after, rests):
                    continue
                some = listed[:: max(1, len(listed) // PROBED)][:PROBED]
                before = found.prefix + name + between
                present = sum(it + after in rests or value(before + it + after) is not None for it in some)
                if present > SHARE * len(some):
                    yield Clip(b"", between, after, width=width, field=field), present / len(some), present


def _lists_of(table: _Table, entry: Any, key: bytes) -> Iterator[tuple[str, list[Any], bool]]:
    """Yield the lists that an entry may have of a clip's frames, by name, and whether a name says that they are so."""
    fields = (
        [("", entry)] if isinstance(entry, list) else list(entry.items())[:FIELDS] if isinstance(entry, dict) else []
    )
    if not any(isinstance(items, list) for _, items in fields):
        inside = (one for field in FRAMES for one in lists_inside(entry, field)[:1])
        fields = [(field, items) for one in inside for field, items in one.items() if field in FRAMES]
    for field, items in fields:
        names = frozenset().union(*map(words, (key.decode("latin1"), *map(str, table.path), str(field))))
        may_be = isinstance(field, str) and isinstance(items, list) and items and names.isdisjoint(CLASSES | MEASURES)
        if may_be and (are_numbers(items) or is_key_list(items)):
            named = words(field) if field else names
            yield field, items, not FRAMES.isdisjoint(named) and not _are_pairs(table, field)


def _are_pairs(table: _Table, field: str) -> bool:
    """Return whether all entries have two numbers, which may be the first and the last frame."""
    lists = (it.get(field) if isinstance(it, dict) else it for it in islice(table.entries.values(), MOST))
    return all(isinstance(it, list) and len(it) == 2 and type(it[0]) is int for it in lists)


def _has(entry: Any, field: str) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get(field), list)


def _rests_by_between(rests: Collection[bytes]) -> dict[bytes, list[bytes]]:
    """Return what follows the name of a clip, by what may lie between that and the name of a frame.

    >>> _rests_by_between([b"/img_01", b"/img_02"])
    {b'/': [b'img_01', b'img_02'], b'/img_': [b'01', b'02']}
    """
    result: dict[bytes, list[bytes]] = defaultdict(list)
    for rest in rests:
        match = _BETWEEN.match(rest)
        for between in sorted({rest[:1], match[0] if match is not None else b""} - {b""}):
            result[between].append(rest[len(between) :])
    return dict(result)


def _pieces_of(keys: Collection[bytes]) -> Pieces:
    """Return where the pieces of the sampled keys are.

    >>> _pieces_of([b"v1/0.jpg"])[b"0"]
    [(b'v1/0.jpg', 3)]
    """
    result: dict[bytes, list[tuple[bytes, int]]] = defaultdict(list)
    for key in keys:
        for match in islice(_PIECE.finditer(key), PIECES):
            result[match[0]].append((key, match.start()))
    return dict(result)


def _found(clips: Collection[bytes], pieces: Pieces) -> list[_Found]:
    """Return the sampled keys that contain the names of clips, by prefix, for those that most of them have.

    >>> keys = [b"a/clip1/0", b"a/clip12/0", b"a/-Yz_1/0", b"clip1x/0"]
    >>> [(it.prefix, sorted(it.rests)) for it in _found([b"clip1", b"-Yz_1"], _pieces_of(keys))]
    [(b'a/', [b'-Yz_1', b'clip1'])]
    """
    lengths: dict[bytes, set[int]] = defaultdict(set)
    for name in clips:
        if (match := _PIECE.match(name)) is not None:
            lengths[match[0]].add(len(name))
    places = dict[bytes, tuple[int, int]]()
    for first in sorted(lengths.keys() & pieces.keys()):
        longest = sorted(lengths[first], reverse=True)
        for key, at in pieces[first]:
            if key not in places or at < places[key][0]:
                ends = (at + length for length in longest if at + length < len(key))
                end = next((it for it in ends if key[at:it] in clips and _is_edge(key, it)), None)
                if end is not None:
                    places[key] = at, end
    rests: dict[bytes, dict[bytes, set[bytes]]] = defaultdict(lambda: defaultdict(set))
    for key, (at, end) in places.items():
        rests[key[:at]][key[at:end]].add(key[end:])
    sizes = {prefix: sum(map(len, it.values())) for prefix, it in rests.items()}
    usual = sorted(it for it, size in sizes.items() if size >= WHOLE * max(sizes.values()))
    return [_Found(it, rests[it]) for it in usual[:WAYS]]


def _is_edge(key: bytes, at: int) -> bool:
    """Return whether no letters and digits go on here."""
    return not (key[at - 1 : at].isalnum() and key[at : at + 1].isalnum())


def _can_be_rewritten(raw: bytes, parsed: Stored, table: _Table, field: str) -> bool:
    """Return whether nothing else in a value depends on the lists of a table, and the value can be written again."""
    if parsed.in_part or not is_lossless(raw, parsed):
        return False
    every = list(table.entries.values())
    if field and not _stand_alone(every[:: max(1, len(every) // MOST)], field):
        return False
    lists = [it if isinstance(it, list) else it.get(field, ()) for it in every if isinstance(it, (list, dict))]
    sizes = {len(every), sum(map(len, lists))}
    return not any(_depends(*it, table, sizes) for it in _beside(parsed.value, table.path))


def _stand_alone(entries: Sequence[Any], field: str) -> bool:
    """Return whether nothing else in the entries of clips depends on their lists; by chance, it may in some of them."""
    place = Place((field,), "items")
    having, depending = Counter[Name](), Counter[Name]()
    for entry in entries:
        if not isinstance(entry.get(field), list):
            return False
        apart = without(entry, [path for path, _ in sibling_counts(entry, [place])])
        for name in apart.keys() - {field}:
            having[name] += 1
            depending[name] += not stand_alone({field: entry[field], name: entry[name]}, [place], "")
    return all(2 * count <= having[name] for name, count in depending.items())


def _beside(value: Any, path: Sequence[Name]) -> Iterator[tuple[Name, Any]]:
    """Yield the name and the value of what lies beside the mapping at a path."""
    for name in path:
        yield from ((of, it) for of, it in value.items() if of != name)
        value = value[name]


def _depends(name: Name, other: Any, table: _Table, sizes: Collection[int]) -> bool:
    """Return whether something beside a table is a number of its clips or frames, or a list of as many items.

    Numbers that are named like counts are corrected as such.
    """
    if isinstance(other, dict):
        return len(other) in sizes and {*map(str, other)} != {it.decode("latin1") for it in table.entries}
    if type(other) is int:
        return other in sizes and words(str(name)).isdisjoint(COUNTING)
    return isinstance(other, list) and len(other) in sizes

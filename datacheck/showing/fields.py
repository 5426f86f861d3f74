"""Show one field of a record in full: the first values of an array, the words of a text, the first bytes of others.

Runs in a worker. What it returns is bounded, except for data that a caller wants to save.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from datacheck.decoders import JOINT, SIDE_DECODERS, decoder
from datacheck.decoders.interface import HoldingPictures, Value
from datacheck.decoders.pictures.picture import sniff
from datacheck.decoders.trees.leaves import Leaf, leaves
from datacheck.decoders.trees.tree import Items, Node, Opaque, Parsed
from datacheck.model.batch import Batch
from datacheck.model.escaping import plain
from datacheck.model.profile import UNKNOWN
from datacheck.reporting.summary import amount, counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIRST = 16
"""Number of values of an array that are shown, from its beginning."""
LINES, LETTERS = 100, 200
"""Maximum number of lines of a text (or texts of a list) that are shown, and of characters in each."""
SHOWN_BYTES = 256
BYTES_A_LINE = 32
BRIEF = 60
"""Maximum number of characters of a text that are shown beside the record's other fields."""
BRIEF_BYTES = 8
OBJECT = "other"


@runtime_checkable
class Parsing(Protocol):
    """A decoder whose records are trees."""

    def parse(self, value: Value) -> Parsed: ...


@dataclass(frozen=True)
class Part:
    """A field of a record that is not an array: texts (`words`), bytes, or something without values.

    `what` says what it is. `raw` are its bytes as they are stored.
    """

    name: str
    what: str
    words: tuple[str, ...] | None = None
    raw: bytes | memoryview | None = None

    @property
    def brief(self) -> str:
        """A description of the part within a line."""
        if self.words is not None:
            return f"{self._size}{_brief(self.words)}"
        if self.raw is not None:
            head = bytes(self.raw[:BRIEF_BYTES]).hex(" ")
            more = " ..." if len(self.raw) > BRIEF_BYTES else ""
            return f"{self.what}{amount(len(self.raw))}{': ' if head else ''}{head}{more}"
        return self.what

    @property
    def _size(self) -> str:
        if self.raw is not None:
            return f"text, {amount(len(self.raw))}"
        return counted(len(self.words or ()), "text")

    def lines(self) -> Iterator[str]:
        """Yield the lines that show what is in the part."""
        if self.words is None and self.raw is None:
            yield f"  {self.name}: {self.what}"
        elif self.words is None:
            assert self.raw is not None
            yield f"  {self.name}: {self.what}{amount(len(self.raw))}"
            yield from _hex(self.raw)
        else:
            yield f"  {self.name}: {self._size}"
            said = self.words[0].split("\n") if self.raw is not None else self.words
            for line in said[:LINES]:
                yield f"    | {_cut(line)}"
            if len(said) > LINES:
                yield f"    and {counted(len(said) - LINES, 'more ' + ('line' if self.raw is not None else 'text'))}"


@dataclass(frozen=True)
class Whole:
    """A field in full: the lines that show it, and its bytes or its array for a caller that saves it."""

    lines: tuple[str, ...]
    raw: bytes | None = None
    array: NDArray[Any] | None = None


def parts_in(name: str, value: Value) -> list[Part]:
    """Return the parts of a record that are not arrays, and the pictures in it as they are stored.

    `name` is the name of its decoder, or UNKNOWN if there is none.
    """
    from datacheck.decoders.wrappers.table import peel

    *wrappers, inner = name.split(JOINT)
    if wrappers:
        peeled = peel(tuple(wrappers), value)
        if not peeled.sound:
            return []
        value = peeled.value
    if inner in SIDE_DECODERS:
        return [_text_of("data", bytes(value))]
    if inner == UNKNOWN:
        return [Part("data", "", raw=value)]
    decodes = decoder(inner)
    if isinstance(decodes, Parsing):
        return _of_tree(decodes.parse(value))
    picture = decodes.stored_picture(value) if isinstance(decodes, HoldingPictures) else None
    return [] if picture is None else [Part("data", "as stored: ", raw=picture)]


def _of_tree(parsed: Parsed) -> list[Part]:
    if any(it.verdict == "bad" for it in parsed.findings):
        return []  # the record was not read to its end
    walked = leaves(parsed.tree)
    parts = [part for leaf in walked.leaves if (part := _of_leaf(leaf)) is not None]
    return [*parts, *(Part(path, "None") for path in walked.nothing)]


def _of_leaf(leaf: Leaf) -> Part | None:
    if leaf.kind == "text":
        if isinstance(leaf.node, str):
            return Part(leaf.path, "", (leaf.node,), leaf.node.encode("utf-8", "surrogatepass"))
        return Part(leaf.path, "", tuple(map(_worded, leaf.node.items)) if isinstance(leaf.node, Items) else ())
    if leaf.kind == "bytes":
        picture = "as stored: " if sniff(leaf.raw) else ""
        words = None if picture else _decoded(bytes(leaf.raw))
        return Part(leaf.path, picture, None if words is None else (words,), leaf.raw)
    if leaf.kind == OBJECT:
        kind = leaf.node.kind if isinstance(leaf.node, Opaque) else ""
        return Part(leaf.path, f"other, {plain(kind)}" if kind else OBJECT)
    return None


def _worded(node: Node) -> str:
    return node if isinstance(node, str) else ""


def _text_of(name: str, raw: bytes) -> Part:
    words = _decoded(raw)
    return Part(name, "", None if words is None else (words,), raw)


def _decoded(raw: bytes) -> str | None:
    """Return the text that these bytes are, or None if they are no text."""
    from datacheck.decoders.text import TextDecoder

    return raw.decode() if TextDecoder().knows(raw) and _is_utf8(raw) else None


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def named(field: str, names: Sequence[str], paths: Mapping[str, str] | None = None) -> str | None:
    """Return the field that is meant: the one with this name, with this path in a file, or the only one that ends so.

    None if there is none, or if several end so.

    >>> named("rgb", ["obs/rgb", "action"]), named("x", ["a/x", "b/x"])
    ('obs/rgb', None)
    """
    if field in names:
        return field
    if paths and field in paths:
        return paths[field]
    ending = [*dict.fromkeys(name for name in names if name.endswith(f"/{field}"))]
    return ending[0] if len(ending) == 1 else None


def whole(
    name: str, batches: Sequence[Batch], parts: Sequence[Part], line: Callable[[Batch], str], *, saving: bool
) -> Whole:
    """Return a field in full: the arrays that a record has of it, each described by `line`, and its other parts."""
    beside = [part for part in parts if part.name == name]
    mine = [batch for batch in batches if batch.field == name and (batch.width or not beside)]
    lines = []
    for batch in mine:
        lines += [f"  {line(batch)}", *_values(batch)]
    for part in beside:
        if mine and part.raw is not None:  # a picture, whose pixels are shown
            lines.append(f"    {part.what}{amount(len(part.raw))}")
        else:
            lines += part.lines()
    if not saving:
        return Whole(tuple(lines))
    raw = next((bytes(part.raw) for part in beside if part.raw is not None), None)
    return Whole(tuple(lines), raw, mine[0].values[0].copy() if mine and mine[0].width else None)


def _values(batch: Batch) -> Iterator[str]:
    """Yield the first values of a record's array, and where it has values that are not finite."""
    import numpy as np

    values = batch.values[0]
    if not values.size or values.ndim == 0:
        return
    flat = values.reshape(-1)
    more = f", and {flat.size - FIRST:,} more" if flat.size > FIRST else ""
    yield f"    first values: {', '.join(map(spelled_number, flat[:FIRST].tolist()))}{more}"
    if values.dtype.kind != "f":
        return
    for test, word in ((np.isnan, "NaN"), (np.isinf, "infinite")):
        at = np.flatnonzero(test(flat))
        if at.size:
            first = [int(it) for it in np.unravel_index(at[0], values.shape)]
            are = "is" if at.size == 1 else "are"
            yield f"    {at.size:,} of {counted(flat.size, 'value')} {are} {word}, first at {first}"


def spelled_number(number: float) -> str:
    """Return a number as it is shown: a whole one with all its digits.

    >>> spelled_number(16777217), spelled_number(0.1234567891)
    ('16777217', '0.1234568')
    """
    return str(number) if isinstance(number, int) else f"{number:.7g}"


def _hex(raw: Value) -> Iterator[str]:
    shown = bytes(raw[:SHOWN_BYTES])
    for start in range(0, len(shown), BYTES_A_LINE):
        yield f"    | {shown[start : start + BYTES_A_LINE].hex(' ')}"
    if len(raw) > SHOWN_BYTES:
        yield f"    and {counted(len(raw) - SHOWN_BYTES, 'more byte')}"


def _brief(words: Sequence[str]) -> str:
    """Return the beginnings of some texts."""
    said, room = [], BRIEF
    for word in words:
        if len(word) > room:
            said.append(f"{_quoted(word[:room])}...")
            break
        said.append(_quoted(word))
        room -= len(word)
        if len(said) == 3 and len(words) > 3:
            said.append("...")
            break
    return f": {', '.join(said)}" if said else ""


def _quoted(text: str) -> str:
    return f'"{plain(text)}"'


def _cut(line: str) -> str:
    more = f"... ({len(line):,} characters)" if len(line) > LETTERS else ""
    return f"{plain(line[:LETTERS])}{more}"

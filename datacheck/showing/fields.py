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
from datacheck.model.listing import counted
from datacheck.model.profile import UNKNOWN
from datacheck.reporting.summary import amount

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
            return f"{self._size_text}{_texts_brief(self.words)}"
        if self.raw is not None:
            head = bytes(self.raw[:BRIEF_BYTES]).hex(" ")
            more = " ..." if len(self.raw) > BRIEF_BYTES else ""
            return f"{self.what}{amount(len(self.raw))}{': ' if head else ''}{head}{more}"
        return self.what

    @property
    def _size_text(self) -> str:
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
            yield from _hex_lines(self.raw)
        else:
            yield f"  {self.name}: {self._size_text}"
            texts = self.words[0].split("\n") if self.raw is not None else self.words
            for line in texts[:LINES]:
                yield f"    | {_shortened(line)}"
            if len(texts) > LINES:
                yield f"    and {counted(len(texts) - LINES, 'more ' + ('line' if self.raw is not None else 'text'))}"


@dataclass(frozen=True)
class FullField:
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
        return [_text_part(bytes(value))]
    if inner == UNKNOWN:
        return [Part("data", "", raw=value)]
    payload_decoder = decoder(inner)
    if isinstance(payload_decoder, Parsing):
        return _tree_parts(payload_decoder.parse(value))
    picture = payload_decoder.stored_picture(value) if isinstance(payload_decoder, HoldingPictures) else None
    return [] if picture is None else [Part("data", "as stored: ", raw=picture)]


def _tree_parts(parsed: Parsed) -> list[Part]:
    if any(it.verdict == "bad" for it in parsed.findings):
        return []  # the record was not read to its end
    found = leaves(parsed.tree)
    parts = [part for leaf in found.leaves if (part := _leaf_part(leaf)) is not None]
    return [*parts, *(Part(path, "None") for path in found.nothing)]


def _leaf_part(leaf: Leaf) -> Part | None:
    if leaf.kind == "text":
        if isinstance(leaf.node, str):
            return Part(leaf.path, "", (leaf.node,), leaf.node.encode("utf-8", "surrogatepass"))
        return Part(leaf.path, "", tuple(map(_text_or_empty, leaf.node.items)) if isinstance(leaf.node, Items) else ())
    if leaf.kind == "bytes":
        picture = "as stored: " if sniff(leaf.raw) else ""
        words = None if picture else _decode_text(bytes(leaf.raw))
        return Part(leaf.path, picture, None if words is None else (words,), leaf.raw)
    if leaf.kind == OBJECT:
        kind = leaf.node.kind if isinstance(leaf.node, Opaque) else ""
        return Part(leaf.path, f"other, {plain(kind)}" if kind else OBJECT)
    return None


def _text_or_empty(node: Node) -> str:
    return node if isinstance(node, str) else ""


def _text_part(raw: bytes) -> Part:
    words = _decode_text(raw)
    return Part("data", "", None if words is None else (words,), raw)


def _decode_text(raw: bytes) -> str | None:
    """Return the text that these bytes are, or None if they are no text."""
    from datacheck.decoders.text import TextDecoder

    return raw.decode() if TextDecoder().knows(raw) and _is_utf8(raw) else None


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def find_field(field: str, names: Sequence[str], paths: Mapping[str, str] | None = None) -> str | None:
    """Return the field with this name, with this path in a file, or the only one whose path ends with the name.

    Return None if there is no such field, or if several paths end with the name.

    >>> find_field("rgb", ["obs/rgb", "action"]), find_field("x", ["a/x", "b/x"])
    ('obs/rgb', None)
    """
    if field in names:
        return field
    if paths and field in paths:
        return paths[field]
    ending = [*dict.fromkeys(name for name in names if name.endswith(f"/{field}"))]
    return ending[0] if len(ending) == 1 else None


def full_field(
    name: str, batches: Sequence[Batch], parts: Sequence[Part], line: Callable[[Batch], str], *, saving: bool
) -> FullField:
    """Return a field in full: the arrays that a record has of it, each described by `line`, and its other parts."""
    field_parts = [part for part in parts if part.name == name]
    field_batches = [batch for batch in batches if batch.field == name and (batch.width or not field_parts)]
    lines = []
    for batch in field_batches:
        lines += [f"  {line(batch)}", *_value_lines(batch)]
    for part in field_parts:
        if field_batches and part.raw is not None:  # a picture, whose pixels are shown
            lines.append(f"    {part.what}{amount(len(part.raw))}")
        else:
            lines += part.lines()
    if not saving:
        return FullField(tuple(lines))
    raw = next((bytes(part.raw) for part in field_parts if part.raw is not None), None)
    return FullField(
        tuple(lines), raw, field_batches[0].values[0].copy() if field_batches and field_batches[0].width else None
    )


def _value_lines(batch: Batch) -> Iterator[str]:
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
        places = np.flatnonzero(test(flat))
        if places.size:
            first = [int(it) for it in np.unravel_index(places[0], values.shape)]
            verb = "is" if places.size == 1 else "are"
            yield f"    {places.size:,} of {counted(flat.size, 'value')} {verb} {word}, first at {first}"


def spelled_number(number: float) -> str:
    """Return a number as it is shown: a whole one with all its digits.

    >>> spelled_number(16777217), spelled_number(0.1234567891)
    ('16777217', '0.1234568')
    """
    return str(number) if isinstance(number, int) else f"{number:.7g}"


def _hex_lines(raw: Value) -> Iterator[str]:
    shown = bytes(raw[:SHOWN_BYTES])
    for start in range(0, len(shown), BYTES_A_LINE):
        yield f"    | {shown[start : start + BYTES_A_LINE].hex(' ')}"
    if len(raw) > SHOWN_BYTES:
        yield f"    and {counted(len(raw) - SHOWN_BYTES, 'more byte')}"


def _texts_brief(words: Sequence[str]) -> str:
    """Return the beginnings of some texts."""
    texts, room = [], BRIEF
    for word in words:
        if len(word) > room:
            texts.append(f"{_quoted(word[:room])}...")
            break
        texts.append(_quoted(word))
        room -= len(word)
        if len(texts) == 3 and len(words) > 3:
            texts.append("...")
            break
    return f": {', '.join(texts)}" if texts else ""


def _quoted(text: str) -> str:
    return f'"{plain(text)}"'


def _shortened(line: str) -> str:
    more = f"... ({len(line):,} characters)" if len(line) > LETTERS else ""
    return f"{plain(line[:LETTERS])}{more}"

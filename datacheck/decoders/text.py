"""Decode decimal numbers, UTF-8 text and single bytes, kept by picture stores beside pictures (`label-000000001`).

In a family of labels (`FamilyProfile.label`) they become fields "label": numbers as numbers, words as byte strings
(dtype S), which only checks of labels use. Elsewhere a text has no field, and a number is the field "data".
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from itertools import islice, product
from typing import TYPE_CHECKING, Any

from datacheck.decoders.foreign import known_format
from datacheck.decoders.interface import Value
from datacheck.decoders.text_literals import MAY_BE_FLAWED, data_finding
from datacheck.lazy_re import compiled_later
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block
from datacheck.model.finding import Finding, found
from datacheck.model.profile import FamilyProfile

if TYPE_CHECKING:
    from numpy.typing import NDArray

DECIMAL_BYTES = 64
"""Maximum length in bytes of a value that is one number."""
TEXT_BYTES = 1 << 16
"""Maximum number of bytes of a value that are examined to recognise text."""
HEAD = 64
"""Number of bytes of a value that are searched for those that no text has, before it is decoded."""
WORD_BYTES = 64
"""Maximum length of a label that is a word, in bytes; longer words are cut."""
ENCODED, ENCODED_DIGITS = 40, 130
"""Minimum number of letters of bytes spelled in base64, and in hexadecimal digits; shorter ones may be names."""
PLACES = 256
"""Number of words and numbers of a text that are examined for which of them are words."""
SHORT = 8
"""Maximum length in bytes of a text that has to consist of words or numbers to be told from raw bytes."""
_SHORT = compiled_later(r"[+-]?\w+(?:[ .,:;/|='_#-]+\w+)*[ .!?\u3002\uff01\uff1f\r\n]*")
_ENCODED = compiled_later(rb"[A-Za-z0-9+/_-]+={0,2}")
_HEXADECIMAL = compiled_later(rb"[0-9a-f]+|[0-9A-F]+")
_DECIMAL = compiled_later(
    rb"\s*[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|(?i:nan|inf(?:inity)?))\s*"
)
_CONTROL = compiled_later(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")
"""Control characters except tab and line ends, and code points that are not characters. All others may be text.

`re` would take 3 ms longer to compile a complement that reaches beyond U+FFFF.
"""
_NEVER = bytes([*range(9), 11, 12, *range(14, 32), 127, 0xC0, 0xC1, *range(0xF5, 0x100)])
"""Control characters in ASCII, and bytes that UTF-8 has nowhere."""
_MARK = "\ufeff"
_NOT_FINITE = compiled_later(rb"(?<![A-Za-z])(?i:nan|inf(?:inity)?)(?![A-Za-z])|[0-9][eE]\+?[0-9]{3}")
"""Matches if a text may hold a number that is not finite."""
_WORDS = compiled_later(rb"""(?:array|tensor)\(|[^\s,;|()\[\]{}"':=]+|[:=]""")
"""Matches the words and numbers of a text, and what stands between a name and its number."""
_BEHIND_NAMES = frozenset((b":", b"="))
_NO_WORDS = _BEHIND_NAMES | {b"", b"array(", b"tensor("}
_LITERAL = compiled_later(
    rb"""\s*(?:array\(|tensor\()?[\[({][\[({\s]*(?:['"0-9.+-]|nan\b|inf\b|True\b|False\b|None\b)"""
)
"""Matches the beginning of a literal of Python that holds something."""
_REPR = compiled_later(r"""b(?:'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+")\s*""", re.DOTALL)
_OBJECT = compiled_later(
    r"\[object [A-Z]\w*\]|<[^<>\n]+ at 0x[0-9a-fA-F]+>|<(?:Closed )?HDF5 (?:dataset|group|file)\b[^\n]*>"
)
"""Matches what JavaScript, Python and h5py write for an object that has no text of its own."""
_OBJECT_BEGINS = frozenset((b"[", b"<"))
_ATOM = r"(?:[-+]?(?:[0-9.][-+0-9.eEj]*|nan|inf)|True|False)"
_ELIDED = compiled_later(rf"(?:[A-Za-z]+\()?\[[\[ ]*+(?:{_ATOM},? +){{3}}(\.\.\.),?(?:\s+{_ATOM},?){{3}}\s*\]")
"""Matches the first row of an array that NumPy or PyTorch wrote with three numbers at either end and no others."""
_NESTED = compiled_later(r"(?:[A-Za-z]+\()?\[\[")
_ELIDED_ROWS = compiled_later(r"\],?\n *(\.\.\.),?\n\s*\[")
"""Matches, in such an array of more axes, what stands for most of its rows."""
ARRAY_HEAD = 1 << 12
"""Number of characters of a text that are searched for rows that are left out."""
_SUSPECT = compiled_later(
    rf"{_CONTROL.pattern}|\r|{_MARK}"
    r"|^(?:b['\"]|\[object |<(?:[^\n]+ at 0x|(?:Closed )?HDF5 )|(?:[A-Za-z]+\()?\[[^\n]* \.\.\.| *\.\.\.,?$)",
    re.MULTILINE,
)
"""Matches, in texts joined by line ends, if any of them may need a finding: it has to match whatever has one alone."""

Items = Iterator[Batch | tuple[int, Finding]]


class DecimalDecoder:
    """Decodes decimal numbers of at most 64 bytes, including NaN and infinity."""

    name = "decimal"

    def knows(self, value: Value) -> bool:
        return 0 < len(value) <= DECIMAL_BYTES and _DECIMAL.fullmatch(value) is not None

    def decode(self, block: Block, rows: Sequence[int], profile: FamilyProfile | None, *, pixels: bool = True) -> Items:
        decimals = [row for row in rows if self.knows(block.values[row])]
        if len(decimals) < len(rows):
            for row in sorted(set(rows).difference(decimals)):
                value = block.values[row]
                start = bytes(value[:DECIMAL_BYTES]).decode("latin-1")
                more = "..." if len(value) > DECIMAL_BYTES else ""
                yield row, found("undecodable", f'not a decimal number: "{start}{more}"')
        yield from _numbers(block, decimals, profile)


class TextDecoder:
    """Checks UTF-8 text; only labels yield a field for further checks."""

    name = "text"

    def knows(self, value: Value) -> bool:
        if not len(value):
            return False
        head = bytes(value[:HEAD])
        if len(head.translate(None, _NEVER)) < len(head):
            return False
        start = bytes(value[:TEXT_BYTES])
        try:
            text = start.decode()
        except UnicodeDecodeError as error:
            if len(value) <= TEXT_BYTES or error.start < TEXT_BYTES - 3:
                return False
            text = start[: error.start].decode()  # the examined part ended inside a character
        return _CONTROL.search(text) is None

    def decode(self, block: Block, rows: Sequence[int], profile: FamilyProfile | None, *, pixels: bool = True) -> Items:
        broken = set()
        numeric = profile is not None and profile.numeric
        if not _are_sound(block, rows, numbers=numeric):
            for row in rows:
                for finding in _findings(bytes(block.values[row]), profile):
                    yield row, finding
                    broken |= {row} if finding.verdict != "suspicious" else set()
        if profile is None or not profile.label:
            return
        sound = [row for row in rows if row not in broken]
        # "nan", "inf" and the number plate "9E999" are words here, so they are not reported as not finite
        numbers = [row for row in sound if _is_finite(block.values[row])]
        yield from _numbers(block, numbers, profile)
        if words := sorted(set(sound).difference(numbers)):
            import numpy as np

            values = np.array([bytes(block.values[row][:WORD_BYTES]) for row in words], f"S{WORD_BYTES}")
            yield _field(words, values, profile)


def is_plain(value: Value) -> bool:
    """Check whether a text is more than the spelling of bytes in base64 or hexadecimal digits, or of an object's name.

    A short one has to consist of words or numbers, since a few raw bytes may all be printable.

    >>> is_plain(b"a red bicycle"), is_plain(b"MKVAAGIVGL" * 9), is_plain(b"Zm9vYmFyMTIz" * 9)
    (True, True, False)
    """
    words = bytes(value[:TEXT_BYTES]).split()
    letters = b"".join(words)
    if bytes(value[:1]) in _OBJECT_BEGINS and _OBJECT.fullmatch(
        bytes(value[:TEXT_BYTES]).decode("utf-8", "replace").rstrip()
    ):
        return False
    if len(value) <= SHORT:
        return _SHORT.fullmatch(bytes(value).decode("utf-8", "replace")) is not None
    if len(letters) < ENCODED or any(len(it) < ENCODED for it in words[:-1]) or not _ENCODED.fullmatch(letters):
        return True
    if _HEXADECIMAL.fullmatch(letters):
        return len(letters) < ENCODED_DIGITS or letters.isdigit() or letters.isalpha()
    return letters.islower() or letters.isupper() or letters.isalpha()


class ByteDecoder:
    """Decodes values of one byte, which may be any: labels of up to 256 classes."""

    name = "byte"

    def knows(self, value: Value) -> bool:
        return len(value) == 1

    def decode(self, block: Block, rows: Sequence[int], profile: FamilyProfile | None, *, pixels: bool = True) -> Items:
        import numpy as np

        single = [row for row in rows if len(block.values[row]) == 1]
        for row in sorted(set(rows).difference(single)):
            size = len(block.values[row])
            yield row, found("size-mismatch", f"{size} bytes, the others have one", found=size, expected=1)
        if single:
            joined = b"".join(block.values[row] for row in single)
            yield _field(single, np.frombuffer(joined, np.uint8), profile)


def _numbers(block: Block, rows: Sequence[int], profile: FamilyProfile | None) -> Iterator[Batch]:
    """Yield the field for decimal numbers."""
    if rows:
        import numpy as np  # here, so that looking up a decoder's name does not load it

        yield _field(rows, np.array([float(bytes(block.values[row])) for row in rows]), profile)


def _field(rows: Sequence[int], values: NDArray[Any], profile: FamilyProfile | None) -> Batch:
    label = profile is not None and profile.label
    name = "label" if label else "data"
    return Batch(name, rows, values, label=label, expected=None if profile is None else profile.fields.get(name))


def _are_sound(block: Block, rows: Sequence[int], *, numbers: bool) -> bool:
    """Check whether none of these texts needs a finding; they are examined together. `numbers` may need one too."""
    joined = b"\n".join([block.values[row] for row in rows])
    try:
        text = joined.decode()
        suspect = _SUSPECT.search(text) is not None or MAY_BE_FLAWED.search(text) is not None
        return not suspect and not (numbers and _NOT_FINITE.search(joined))
    except UnicodeDecodeError:
        return False


def is_numeric(value: Value) -> bool:
    """Check whether most of the beginning of a text is numbers. Names before a colon or an equals sign do not count.

    >>> is_numeric(b"cat, 0.5, nan, 3"), is_numeric(b"3:0.5 7:2"), is_numeric(b"nan is bread")
    (True, True, False)
    """
    words = [_DECIMAL.fullmatch(it) is not None for it in _words(value[:TEXT_BYTES])]
    return 2 * sum(words) > len(words)


def is_literal(value: Value) -> bool:
    """Check whether a text begins and ends like a dict, a list, a tuple or an array as Python's `repr` writes it.

    >>> is_literal(b"{'a': 1}"), is_literal(b"[nan] is bread"), is_literal(b"(see below)")
    (True, False, False)
    """
    return _LITERAL.match(value) is not None and bytes(value[-WORD_BYTES:]).rstrip()[-1:] in (b"}", b"]", b")")


def _words(value: Value) -> Iterator[bytes]:
    """Yield the words and numbers of a text without names of numbers; those that are too long for a number are cut."""
    before = b""
    for match in _WORDS.finditer(value):
        word = value[match.start() : min(match.end(), match.start() + DECIMAL_BYTES + 1)]
        if before not in _NO_WORDS and word not in _BEHIND_NAMES:
            yield bytes(before)
        before = bytes(word)
    if before not in _NO_WORDS:
        yield before


def word_places(value: Value) -> frozenset[int]:
    """Return the places of the words that are no numbers, or may be none, among the first ones of a text.

    >>> sorted(word_places(b"cat, 0.5, tabby, 3"))
    [0, 2]
    """
    first = islice(_words(value[:TEXT_BYTES]), PLACES)
    return frozenset(at for at, word in enumerate(first) if _DECIMAL.fullmatch(word) is None or _may_be_code(word))


def _may_be_code(number: bytes) -> bool:
    """Check whether a number is infinite because of its exponent, as serials such as 3E456 seem to be."""
    return number[-1:].isdigit() and math.isinf(float(number))


def numbers_finding(value: Value, words: Collection[int] = ()) -> Finding | None:
    """Return the finding for a text of numbers if one of them is not finite, or None for any other text.

    `words` are the places where most others have a word. There 3E456 is a word too, and "nan" may be one.

    >>> numbers_finding(b"0.5, nan, 3").message
    '1 of 3 numbers is NaN, first at [1]'
    """
    if not _NOT_FINITE.search(value) or not is_numeric(value):
        return None
    total = 0
    places: dict[tuple[str, bool], list[int]] = defaultdict(list)
    for at, word in enumerate(_words(value)):
        if _DECIMAL.fullmatch(word):
            number = float(word)
            if not math.isfinite(number) and not (at in words and _may_be_code(word)):
                places["nan" if math.isnan(number) else "inf", at in words].append(total)
            total += 1
    for doubtful, (code, name) in product((False, True), (("nan", "NaN"), ("inf", "infinite"))):
        if at_numbers := places[code, doubtful]:
            verb = "is" if len(at_numbers) == 1 else "are"
            message = f"{len(at_numbers)} of {total} numbers {verb} {name}, first at [{at_numbers[0]}]"
            details: dict[str, Any] = {"count": len(at_numbers), "first": [at_numbers[0]]}
            if doubtful:
                return found(code, f"{message}, where most others have a word", verdict="suspicious", **details)
            return found(code, message, **details)
    return None


def _findings(value: bytes, profile: FamilyProfile | None) -> Iterator[Finding]:
    """Yield the findings for one text, and for the numbers in it if it can be read."""
    of_text = _text_finding(value)
    if of_text is not None:
        yield of_text
    if of_text is None or of_text.verdict == "suspicious":
        of_numbers = None
        if profile is not None and profile.numeric:
            of_numbers = numbers_finding(value, profile.words)
        of_numbers = of_numbers or data_finding(value.decode(), among_data=profile is not None and profile.of_data)
        if of_numbers is not None:
            yield of_numbers


def _text_finding(value: bytes) -> Finding | None:
    """Return the finding for one text, examined to its end, or None if it is sound."""
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        byte, offset = value[error.start], error.start
        return found("undecodable", f"not UTF-8 text: {error.reason} ({byte:#04x}) at byte {offset}", offset=offset)
    control = _CONTROL.search(text)
    if control is not None:
        if not _CONTROL.sub("", text).strip():
            content = "zero bytes" if not value.strip(b"\0") else "control characters"
            return found("undecodable", f"not text: {len(value)} bytes, nothing but {content}", offset=0)
        if (name := known_format(value)) is not None:
            return found("unknown-payload", f"{name}, which datacheck does not decode")
        offset = len(text[: control.start()].encode())
        return found("odd-text", f"the control character U+{ord(control[0]):04X} at byte {offset}", offset=offset)
    if text.startswith(_MARK):
        return found("odd-text", "begins with a byte order mark", offset=0)
    if text.endswith("\r") or (text.endswith("\r\n") and text.count("\n") == 1):
        return found("odd-text", "ends in a carriage return", offset=len(value.rstrip(b"\r\n")))
    return stand_in_finding(text)


def stand_in_finding(text: str) -> Finding | None:
    """Return the finding for a text that stands for something whose content was not stored as it is, or None.

    >>> stand_in_finding("[object Object]").message
    '"[object Object]" stands for an object, whose content was not stored'
    """
    if _REPR.fullmatch(text):
        message = "bytes written out as text, b'...': str() was called on them before they were stored"
        return found("odd-text", message, offset=0)
    if _OBJECT.fullmatch(text.rstrip()):
        message = f'"{text.rstrip()[:WORD_BYTES]}" stands for an object, whose content was not stored'
        return found("odd-text", message, offset=0)
    dots = -1
    if (beginning := _ELIDED.match(text)) is not None:
        dots = beginning.start(1)
    elif _NESTED.match(text) is not None and (rows := _ELIDED_ROWS.search(text, 0, ARRAY_HEAD)) is not None:
        dots = rows.start(1)
    if dots < 0 or text.rstrip()[-1] not in "])":
        return None
    message = "an array written out as text, with ... in place of most of its numbers"
    return found("odd-text", message, offset=dots)


def _is_finite(value: Value) -> bool:
    """Check whether a value is a finite decimal number."""
    return _DECIMALS.knows(value) and math.isfinite(float(bytes(value)))


_DECIMALS = DecimalDecoder()

"""Read the payloads that bytes and base64 texts in a record hold: .npz bytes, compressed arrays, pickles, sound.

Only payloads with a magic are recognised. The nesting and the total of unpacked bytes are bounded per record.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from contextvars import ContextVar

import msgspec
import numpy as np

from datacheck.decoders import JOINT, SIDE_DECODERS, decoder, value_decoders
from datacheck.decoders.foreign import known_format, mp3_frame
from datacheck.decoders.interface import Field, Value
from datacheck.decoders.text import is_plain, numbers_finding, stand_in_finding
from datacheck.decoders.text_literals import data_finding
from datacheck.decoders.trees.lists import NOTHING
from datacheck.decoders.trees.paths import ROOT, child_path, is_label
from datacheck.decoders.wrappers.base64_text import base64_beginning, peel_base64
from datacheck.decoders.wrappers.table import (
    FIRST_BYTES,
    MOST,
    WITHOUT_MAGIC,
    WRAPPERS,
    begins_like_text_or_map,
    has_known_magic,
    has_weak_magic,
)
from datacheck.lazy_re import compiled_later
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block
from datacheck.model.codes import Verdict
from datacheck.model.fill_names import tells_missing
from datacheck.model.finding import Finding, found

NESTED = 3
"""Maximum number of payloads inside each other, the record itself not counted."""
UNPACKED = 1 << 28
"""Maximum total size in bytes of the wrapped payloads that are unpacked per record."""
LONGEST_ID = 88
"""Maximum length in characters of a digest or an id in base64: as long as that of SMALL_BYTES bytes."""
LONGEST_TEXT = 1 << 22
"""Maximum length in characters of an unpacked text that is searched for numbers that are not finite."""
SHORTEST_BASE64 = 24
"""Minimum length of a text that is taken for base64, in characters."""
SHORTEST_APART = 5
"""Minimum length in characters of a text that has to be read by itself, such as [NaN]."""
ARROW = b"\xff\xff\xff\xff"
"""The beginning of an Arrow message, which follows a few counts in old ones."""
MAGICAL = (
    "picture", "npy", "pickle", "npz", "torch", "safetensors", "wav", "flac", "ogg", "mp4", "mkv", "arrow"
)  # fmt: skip
"""Decoders of formats with a magic. Others would take bytes for theirs that only look like them by chance."""
BEGINNINGS = (
    b"\xff\xd8", b"\xff\xe0", b"\xff\xf0", b"\x89P", b"GI", b"II", b"ID", b"MM", b"RI", b"BM", b"BZ", b"\x93N", b"PK",
    b"\x80\2", b"\x1f\x8b", b"\x28\xb5", b"\x04\x22", b"\xfd7", b"\x5d\0", b"\0\0", b"fL", b"Og", b"\x1aE",
)  # fmt: skip
"""The first two bytes of everything that has a known magic, and of MP3 frames; the last four bits do not matter."""
BASE64_LETTERS = frozenset(["da"]).union(
    encode(it)[:2].decode() for it in BEGINNINGS for encode in (base64.b64encode, base64.urlsafe_b64encode)
)
"""The first two letters of the base64 of everything that has a known magic, and of a `data:` URL."""
FIRST_LETTERS = BASE64_LETTERS.union(
    ("b'", 'b"', "ar", "te"), (first + chr(second) for first in "{[(<" for second in range(128))
)
"""The first two letters of texts that are not taken as they are.

They are those of base64, of JSON, of literals, and of what stands for an object, an array or bytes.
"""
NAN_TEXTS = ("nan", "NaN")
"""What Python and JavaScript write for NaN, as a text by itself; it may be a word, but is rarely meant."""
_NUMBER = r"[-+]?(?:[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?|nan|inf)"
_ROW_BEGINS = compiled_later(rf"\s*{_NUMBER}(?:\s*[,;|]\s*|\s+){_NUMBER}")
_ROW = compiled_later(rf"\s*{_NUMBER}(?:(?:\s*[,;|]\s*|\s+){_NUMBER}){{2,}}+\s*")
"""Matches a text of at least three numbers and nothing else."""
_ENCODED = compiled_later(r"[\"'][A-Za-z0-9+/_-]{96}")
"""Matches if a text of JSON may hold a payload in base64."""
LITERAL_BEGINS = ("{", "[", "(")
STAND_INS = ("[", "<", "b'", 'b"', "array(", "tensor(")
_BEGINS_FLAWED = compiled_later(r"[{\[(<]|b['\"]|array\(|tensor\(")
"""Matches if a text begins like JSON, a literal or a stand-in."""
_MAY_BE_FLAWED = compiled_later(r"NaN|Infinity|[0-9][eE]\+?[0-9]{3}|(?<!\w)(?:nan|inf)(?!\w)")
"""Matches if a text of JSON or a Python literal may hold a number that is not finite."""
_PROSE = compiled_later(
    r"(?:.*/)?(?:\w+_)?(?:text|content|(?:in|out)put|response|answer|question|prompt|completion|instruction|message|caption"
    r"|code|value|query|body|title|description|source|target|solution|reply|utterance|summary|snippet|std(?:out|err)|log"
    r"|expected|result|chosen|rejected|comment|sentence|document|html|markdown|latex|program|test|reasoning)s?(?:\[\d+\])*"
)
"""Matches the path of a text that people or programs wrote, such as code and answers; it may speak of NaN."""
_LANGUAGE = compiled_later(r"(?:.*[/_])?(?:lang|language|locale)(?:_?(?:code|id))?s?(?:\[\d+\])*", re.IGNORECASE)
"""Matches the names of texts that are codes of languages: `nan` is Southern Min in ISO 639-3."""
_FIRST_BYTES = frozenset(it[0] for it in FIRST_BYTES) | frozenset(b"RfOA\x1a\xffx\2\3\4\5b")
"""The first bytes of the payloads below and the wrappers, except of those that have their magic elsewhere."""
MAPS = range(0x81, 0x90)
"""The first bytes of maps of msgpack; if they begin with a word and are read to the end, they are maps."""
_HEXADECIMAL = compiled_later("[0-9a-f]+|[0-9A-F]+")
PICKLE = 0x80
"""The first byte of pickles from protocol 2 on."""
Made = tuple[list[Field], list[Finding]]


class _Nest(msgspec.Struct):
    """How many records and payloads are being read inside each other, and how many bytes may still be unpacked."""

    depth: int
    left: int


_nest: ContextVar[_Nest | None] = ContextVar("nest", default=None)


def enter() -> bool:
    """Enter a record, or a payload in the record that is being read; return whether it is a record.

    A record starts to count anew. Each call needs one of `leave` with the result.
    """
    nest = _nest.get()
    if nest is None:
        _nest.set(_Nest(1, UNPACKED))
        return True
    nest.depth += 1
    return False


def leave(record: bool) -> None:
    """Leave a record, or a payload in it."""
    nest = _nest.get()
    if record or nest is None:
        _nest.set(None)
    else:
        nest.depth -= 1


def base64_in(text: str) -> bool:
    """Check whether a text begins like the base64 of a payload with a magic, or of MP3 frames."""
    if len(text) < SHORTEST_BASE64 or text[:2] not in BASE64_LETTERS:
        return False
    head = base64_beginning(text[:128].encode("utf-8", "replace"))
    return bool(head) and (has_known_magic(head) or mp3_frame(head[:4]) > 0)


def is_suspect(text: str) -> bool:
    """Check quickly whether a text may have to be read by itself, by how it begins."""
    without_spaces = len(text) > LONGEST_ID and " " not in text[:LONGEST_ID]
    return text[:2] in FIRST_LETTERS or without_spaces or "nan" in text or "inf" in text or text in NAN_TEXTS


def stands_apart(text: str) -> bool:
    """Check whether a text has to be read by itself: it holds a payload, encoded bytes, or something flawed.

    Texts that are no suspects do not.
    """
    return holds_bytes(text) or may_be_flawed(text) or text in NAN_TEXTS or _is_row_with_flaw(text)


def _is_row_with_flaw(text: str) -> bool:
    """Check whether a text is nothing but numbers, some of which are not finite, as "0.5 nan 1.5" is."""
    return ("nan" in text or "inf" in text) and _ROW_BEGINS.match(text) is not None and _ROW.fullmatch(text) is not None


def holds_bytes(text: str) -> bool:
    """Check whether a text is the base64 of a payload, or long enough and nothing but bytes spelled in letters."""
    return base64_in(text) or is_encoded(text)


def may_be_flawed(text: str) -> bool:
    """Check whether a text is JSON that may hold NaN, or stands for something that was not stored."""
    if _BEGINS_FLAWED.match(text) is None:
        return False
    return _may_hold_flaw(text) or (text.startswith(STAND_INS) and stand_in_finding(text) is not None)


def _may_hold_flaw(text: str) -> bool:
    """Check whether a text may be JSON, or a literal, that holds a number that is not finite or a payload in base64."""
    return text.startswith(LITERAL_BEGINS) and bool(_MAY_BE_FLAWED.search(text) or _ENCODED.search(text))


def read_flawed(path: str, text: str) -> Made | None:
    """Return the field of a text, and its flaw: numbers in JSON that are not finite, or the finding about a stand-in.

    Return None if there is no flaw. Payloads in base64 count too; other fields of JSON in a text are not judged.
    Numbers are only suspicious in a text that may be code or an answer, by its name.
    """
    whole = Field(path, NOTHING, format="text", leaf=True)
    if _is_row_with_flaw(text) and (finding := numbers_finding(text.encode())) is not None:
        verdict: Verdict = "suspicious" if _PROSE.fullmatch(path) is not None else "bad"
        return [whole], [msgspec.structs.replace(finding, field=path, verdict=verdict)]
    if _BEGINS_FLAWED.match(text) is None and text not in NAN_TEXTS:
        return None
    if text in NAN_TEXTS and (tells_missing(path) or (text == "nan" and _LANGUAGE.fullmatch(path) is not None)):
        return None
    if text in NAN_TEXTS:
        message = f"the text is {text}, which str() makes of a number that is missing"
        return [whole], [found("nan", message, field=path, verdict="suspicious")]
    if text.startswith(STAND_INS) and (finding := stand_in_finding(text)) is not None:
        return [whole], [msgspec.structs.replace(finding, field=path)]
    if not _may_hold_flaw(text):
        return None
    raw = text.encode("utf-8", "surrogatepass")
    prose = _PROSE.fullmatch(path) is not None
    finding = data_finding(text, among_data=not prose)
    of_text: Made | None = None if finding is None else ([whole], [msgspec.structs.replace(finding, field=path)])
    if (prose and of_text is not None) or not decoder("json").knows(raw):
        return of_text
    nest = _nest.get() or _Nest(0, UNPACKED)
    if nest.depth > NESTED:
        return of_text or ([whole], [_too_large(path, nest)])
    fields, findings = _placed(path, [*decoder("json").decode(Block([b""], [raw]), [0], None)])
    flawed = [it for it in fields if it.values.dtype.kind == "f" and not np.isfinite(it.values).all()]
    broken = [it for it in findings if it.field != path and it.verdict == "bad"]  # about payloads in base64
    if flawed and prose:
        values = flawed[0].values
        code, word = ("nan", "NaN") if np.isnan(values).any() else ("inf", "infinite")
        broken.append(found(code, f"a value in it is {word}", field=flawed[0].name, verdict="suspicious"))
        flawed = []
    return ([whole, *flawed], broken) if flawed or broken else of_text


def is_encoded(text: str) -> bool:
    """Check whether a long text is base64 or hexadecimal digits, and neither words nor a sequence of symbols."""
    return len(text) > LONGEST_ID and " " not in text[:LONGEST_ID] and not is_plain(text.encode("utf-8", "replace"))


def decoded(path: str, text: str) -> tuple[bytes, Finding | None]:
    """Return the bytes that a text in base64 or hexadecimal digits stands for, and the finding if it is broken."""
    if len(text) > LONGEST_ID and not len(text) % 2 and _HEXADECIMAL.fullmatch(text):
        return bytes.fromhex(text), None
    peeled = peel_base64(text.encode("utf-8", "surrogatepass"), UNPACKED)
    finding = peeled.finding
    return peeled.value, None if finding is None else msgspec.structs.replace(finding, field=path)


def read_within(path: str, raw: Value, *, sure: bool = False, pixels: bool = True) -> Made | None:
    """Return the fields and findings of the payload that these bytes hold, or None if they hold none.

    For `sure` see `unwrapped`.
    """
    if not _may_begin_payload(bytes(raw[:36])):
        return None
    content, wrapped, finding = unwrapped(path, raw, sure=sure)
    nest = _nest.get() or _Nest(0, UNPACKED)
    if finding is not None and finding.verdict != "suspicious":
        return [], [finding]
    about = [] if finding is None else [finding]
    name = _decoder_of(content, wrapped=bool(wrapped))
    if name is None:
        return ([], [*about, unknown(path, content, "unpacked, ")]) if wrapped else None
    if nest.left <= 0 or nest.depth > NESTED:
        return [], [_too_large(path, nest)]
    if name in SIDE_DECODERS and len(content) > LONGEST_TEXT:
        fields, findings = _of_long_text(path, content)
        return fields, [*about, *findings]
    fields, findings = _placed(path, [*decoder(name).decode(Block([b""], [content]), [0], None, pixels=pixels)])
    nest.left -= sum(field.values.nbytes for field in fields)
    if name in SIDE_DECODERS and not findings:
        fields, findings = read_flawed(path, str(bytes(content), "utf-8", "replace")) or (fields, findings)
    if not fields and not findings:
        fields = [Field(path, NOTHING, format="text" if name in SIDE_DECODERS else wrapped + name, leaf=True)]
    return fields, [*about, *findings]


def _of_long_text(path: str, content: Value) -> Made:
    """Return the field of a very long unpacked text, in which no number is read, or the finding about its numbers."""
    text = str(bytes(content), "utf-8", "replace")
    if ("nan" not in text and "inf" not in text) or _ROW_BEGINS.match(text) is None:
        return [Field(path, NOTHING, format="text", leaf=True)], []
    message = f"numbers of which some may not be finite, in {len(text)} characters; at most {LONGEST_TEXT} are judged"
    return [], [found("too-large", message, field=path, verdict="unverifiable")]


def _may_begin_payload(head: bytes) -> bool:
    """Check quickly whether bytes may begin like a payload; most digests and raw numbers do not."""
    return head[0] in _FIRST_BYTES or head[0] in MAPS or head[4:8] == b"ftyp" or head[8:9] == b"{" or ARROW in head


def unwrapped(path: str, raw: Value, *, sure: bool) -> tuple[Value, str, Finding | None]:
    """Return the content of the wrappers of these bytes, the names of the wrappers, and the finding about them.

    What begins like a zlib or LZMA stream and is none has no wrapper, unless a payload is expected here (`sure`).
    """
    nest = _nest.get() or _Nest(0, UNPACKED)
    content, wrapped = raw, ""
    about: Finding | None = None
    while wrapped.count(JOINT) < MOST and (wrapper := _wrapper(content)) is not None:
        if nest.left <= 0 or nest.depth > NESTED:
            return content, wrapped, _too_large(path, nest)
        peeled = WRAPPERS[wrapper].peel(content, nest.left)
        nest.left -= len(peeled.value)
        if peeled.finding is not None:
            about = msgspec.structs.replace(peeled.finding, field=path)
        if not peeled.sound:
            bad = about is not None and about.verdict == "bad"
            weak = not wrapped and has_weak_magic(wrapper, content) and (bad or wrapper == "xz") and not sure
            return (raw, "", None) if weak else (content, wrapped, about)
        content, wrapped = peeled.value, f"{wrapped}{wrapper}{JOINT}"
    return content, wrapped, about


def begins_wrapped(value: Value) -> bool:
    """Check whether a value begins like a wrapper with a magic."""
    return _wrapper(value) is not None


def _wrapper(value: Value) -> str | None:
    """Return the name of the wrapper with a magic that a value begins like, or None if it has none."""
    return next((name for name, it in WRAPPERS.items() if name not in WITHOUT_MAGIC and it.begins(value)), None)


def _decoder_of(value: Value, *, wrapped: bool) -> str | None:
    """Return the name of the decoder that knows a value; if it is not in a wrapper, its format must have a magic."""
    names = value_decoders() if wrapped else MAGICAL
    if not wrapped and value[0] != PICKLE:  # pickles of protocols 0 and 1 have no magic
        names = [name for name in names if name != "pickle"]
    name = next((name for name in names if decoder(name).knows(value)), None)
    if name is None and not wrapped and value[0] in MAPS and begins_like_text_or_map(bytes(value[:8])):
        return "msgpack" if decoder("msgpack").knows(value) else None
    return name


def _too_large(path: str, nest: _Nest) -> Finding:
    if nest.depth > NESTED:
        message = f"nested in more than {NESTED} payloads; it was not judged"
    else:
        message = f"what the record holds unpacks to more than {UNPACKED} bytes; this was not judged"
    return found("too-large", message, field=path, verdict="unverifiable")


def _placed(path: str, decoding: Sequence[Batch | tuple[int, Finding]]) -> tuple[list[Field], list[Finding]]:
    """Return the fields and findings of one payload under the path where it lies."""
    fields: list[Field] = []
    findings: list[Finding] = []
    for it in decoding:
        if not isinstance(it, Batch):
            findings.append(msgspec.structs.replace(it[1], field=_path(path, it[1].field or ROOT)))
        elif len(it.rows):
            name = _path(path, it.field)
            form = "array" if it.format == "npy" else it.format
            fields.append(
                Field(name, it.values[0], format=form, encoded=it.encoded, label=is_label(name),
                      pixels_skipped=it.pixels_skipped, leaf=True)
            )  # fmt: skip
    return fields, findings


def _path(path: str, name: str) -> str:
    """Return the path in the record of a field of the payload at `path`."""
    if name == ROOT:
        return path
    return f"{path}{name}" if name.startswith("[") else child_path(path, name)


def unknown(path: str, raw: Value, how: str = "") -> Finding:
    """Return the finding about bytes that no decoder knows."""
    name = known_format(raw)
    message = f"{len(raw)} raw bytes: nothing says what they are" if name is None else f"{name}, which is not read"
    return found("unknown-payload", f"{how}{message}", field=path)

"""Detect records about a store as a whole among records whose keys are words too: `about`, `license`, `done`."""

from __future__ import annotations

import math
import re
import struct

from datacheck.decoders.pictures.strangers import describe_non_picture

_OF_ABOUT = (
    "about readme license licence version revision author authors creator created modified updated by at on date time "
    "timestamp source sources url homepage website contact email title description desc info notes note comment "
    "comments citation bibtex doi copyright changelog history credits acknowledgements dataset data name md txt"
)
ABOUT = frozenset(_OF_ABOUT.split())
"""Words in the names of such records; a name needs at least one that is in ALONE too."""
ALONE = ABOUT - {"by", "at", "on", "data", "name", "time", "md", "txt"}
MARKERS = frozenset({"complete", "completed", "done", "finished", "success", "ready", "eof", "sentinel"})
"""Words in the keys of records that only mark a store as complete."""
_AROUND_MARKERS = "is all build write writing dataset data db flag marker preprocessing processing"
AROUND_MARKERS = frozenset(_AROUND_MARKERS.split())
"""Words that such a key may have beside one of MARKERS."""
_STATISTICS = "avg average mean median min minimum max maximum std stddev var variance sum total count num number"
STATISTICS = frozenset(_STATISTICS.split())
"""Words that the name of a statistic begins or ends with."""
LONGEST = 1 << 16
"""Largest size of such a text, in bytes."""
SIZES = (1, 2, 4, 8)
"""Sizes of a number, in bytes."""
_WORD = re.compile(rb"[a-z]+")
_DIGIT = re.compile(rb"[0-9]")
_ERROR = re.compile(
    r"\b(?:not found|denied|forbidden|error|exception|traceback|unavailable|too many requests|failed)\b", re.IGNORECASE
)


def is_about_store(key: bytes, value: bytes | memoryview) -> bool:
    """Check whether a record is about the whole store by its key, and its value is a text for people.

    >>> is_about_store(b"license", b"CC-BY 4.0"), is_about_store(b"car", b"CC-BY 4.0"), is_about_store(b"about", b"")
    (True, False, False)
    """
    name = {it.decode() for it in _WORD.findall(key.lower())}
    if not name or not name <= ABOUT or name.isdisjoint(ALONE) or not 0 < len(value) <= LONGEST:
        return False
    try:
        text = bytes(value).decode()
    except UnicodeDecodeError:
        return False
    printable = all(it.isprintable() or it in "\r\n\t" for it in text)
    return printable and not text.isspace() and describe_non_picture(value) is None and _ERROR.search(text) is None


def is_statistic(key: bytes, value: bytes | memoryview) -> bool:
    """Check whether a record is a number about the whole store by its key, as a struct of one number or `int.to_bytes`.

    >>> [is_statistic(b"avg_size", it) for it in map(bytes.fromhex, ("0000803f", "0000c07f", "000080"))]
    [True, False, False]
    """
    name = [it.decode() for it in _WORD.findall(key.lower())]
    if len(name) < 2 or STATISTICS.isdisjoint((name[0], name[-1])) or _DIGIT.search(key) or len(value) not in SIZES:
        return False
    floats = {4: "<f", 8: "<d"}
    return len(value) not in floats or math.isfinite(struct.unpack(floats[len(value)], value)[0])


def is_marker(key: bytes) -> bool:
    """Return whether a key only says by being there that a store is complete, so that its value may be empty.

    >>> is_marker(b"__complete__"), is_marker(b"_SUCCESS"), is_marker(b"done_samples")
    (True, True, False)
    """
    name = {it.decode() for it in _WORD.findall(key.lower())}
    return not name.isdisjoint(MARKERS) and name <= MARKERS | AROUND_MARKERS and not _DIGIT.search(key)

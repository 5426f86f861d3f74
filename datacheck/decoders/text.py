"""Decimal numbers and UTF-8 text, as picture stores keep beside the pictures (`num-samples`, `label-000000001`)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from datacheck.decoders.interface import Reading, Value
from datacheck.decoders.one_by_one import decode_each
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block
from datacheck.model.finding import Finding, found
from datacheck.model.profile import FamilyProfile

DECIMAL_BYTES = 64
TEXT_BYTES = 1 << 16
"""As much of a value is looked at to recognise text."""
_DECIMAL = re.compile(rb"\s*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*")
_CONTROL = re.compile(r"[^\t\n\r\x20-\x7e\xa0-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]")
"""Control characters but tab and line ends, and the code points that are no characters. Everything else may be text."""


class DecimalDecoder:
    """Checks decimal numbers of at most 64 bytes; there is nothing to judge in them further."""

    name = "decimal"

    def knows(self, value: Value) -> bool:
        return len(value) <= DECIMAL_BYTES and _DECIMAL.fullmatch(value) is not None

    def decode(
        self, block: Block, rows: Sequence[int], profile: FamilyProfile | None, *, pixels: bool = True
    ) -> Iterator[Batch | tuple[int, Finding]]:
        return decode_each(self.read, block, rows, profile)

    def read(self, value: Value, profile: FamilyProfile | None) -> Reading:
        """Read one number."""
        if self.knows(value):
            return Reading()
        start = bytes(value[:DECIMAL_BYTES]).decode("latin-1")
        more = "..." if len(value) > DECIMAL_BYTES else ""
        return Reading(findings=[found("undecodable", f'not a decimal number: "{start}{more}"')])


class TextDecoder:
    """Checks UTF-8 text without control characters; there is nothing to judge in it further."""

    name = "text"

    def knows(self, value: Value) -> bool:
        if not len(value):
            return False
        start = bytes(value[:TEXT_BYTES])
        try:
            text = start.decode()
        except UnicodeDecodeError as error:
            if len(value) <= TEXT_BYTES or error.start < TEXT_BYTES - 3:
                return False
            text = start[: error.start].decode()  # the look ended inside a character
        return _CONTROL.search(text) is None

    def decode(
        self, block: Block, rows: Sequence[int], profile: FamilyProfile | None, *, pixels: bool = True
    ) -> Iterator[Batch | tuple[int, Finding]]:
        return decode_each(self.read, block, rows, profile)

    def read(self, value: Value, profile: FamilyProfile | None) -> Reading:
        """Read one text, to its end."""
        raw = bytes(value)
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            byte, offset = raw[error.start], error.start
            message = f"not UTF-8 text: {error.reason} ({byte:#04x}) at byte {offset}"
            return Reading(findings=[found("undecodable", message, offset=offset)])
        control = _CONTROL.search(text)
        if control is None:
            return Reading()
        offset = len(text[: control.start()].encode())
        message = f"not text: the control character U+{ord(control[0]):04X} at byte {offset}"
        return Reading(findings=[found("undecodable", message, offset=offset)])

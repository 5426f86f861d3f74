"""Parse the nested fields of a prototxt, each with its line, which the protobuf library does not keep.

The grammar is protobuf's text format as its specification defines it (protobuf.dev, "Text Format Language"):
`name: value`, `name { ... }` or `name < ... >`, lists in brackets, `#` comments, `,` and `;` between fields. Values are
not validated here; the library does that. The parser does not recurse, and it bounds the nesting depth.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MAX_DEPTH = 64
"""Maximum nesting depth of messages; Caffe's own messages nest five deep."""

_TOKEN = re.compile(
    r"""[ \t\r\f\v]+ | \#[^\n]* | (?P<newline>\n)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<string>"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*" | '[^'\\\n]*(?:\\[^\n][^'\\\n]*)*')
    | (?P<number>\.?[0-9][A-Za-z0-9_.+]*(?:(?<=[eE])-[0-9]+[fF]?)?)
    | (?P<mark>[{}<>\[\]:;,.\-/])""",
    re.VERBOSE,
)
_CLOSES = {"{": "}", "<": ">", "[": "]"}


class SyntaxFault(Exception):
    """A violation of protobuf's text format: its line, the reason, and the top-level fields before it."""

    def __init__(self, line: int, reason: str, fields: list[Node]) -> None:
        super().__init__(line, reason)
        self.line, self.reason, self.fields = line, reason, fields


@dataclass(slots=True)
class Node:
    """A field as it is written: its name, its line, and the fields inside it (None if its value is not a message).

    `value` is the text of a value that is not a message; for a string in several pieces, that of the first piece.
    """

    name: str
    line: int
    fields: list[Node] | None = None
    value: str = ""


@dataclass(slots=True)
class _Frame:
    """A message that is being read.

    `fields` are its fields so far, `line` is the line of its opening brace, `closing` is the brace that ends it, and
    `list_name` is the field of the list that it is an item of, if any.
    """

    fields: list[Node]
    line: int
    closing: str = ""
    list_name: str = ""


@dataclass(slots=True)
class _Tokens:
    """A tokenizer with one token of lookahead: its kind, word and line.

    The kind is "end" after the last token, and "bad" for a character that begins no token.
    """

    text: str
    offset: int = 0
    kind: str = ""
    word: str = ""
    line: int = 1
    next_line: int = field(default=1)

    def advance(self) -> str:
        """Advance to the next token; return the word of the one before."""
        previous = self.word
        while True:
            if self.offset >= len(self.text):
                self.kind, self.word, self.line = "end", "", self.next_line
                return previous
            match = _TOKEN.match(self.text, self.offset)
            if match is None:
                self.kind, self.word, self.line = "bad", self.text[self.offset], self.next_line
                return previous
            self.offset = match.end()
            if match.lastgroup == "newline":
                self.next_line += 1
            elif match.lastgroup:
                self.kind, self.word, self.line = match.lastgroup, match[0], self.next_line
                return previous

    def take(self, mark: str) -> bool:
        """Advance past the current token if it is one of the marks in `mark`; return whether it was."""
        if self.kind != "mark" or self.word not in mark:
            return False
        self.advance()
        return True


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens = _Tokens(text)
        self.top: list[Node] = []
        self.frames = [_Frame(self.top, 1)]

    def fault(self, reason: str, line: int | None = None) -> SyntaxFault:
        return SyntaxFault(self.tokens.line if line is None else line, reason, self.top)

    def expected(self, what: str) -> SyntaxFault:
        tokens = self.tokens
        found = "the end of the file" if tokens.kind == "end" else repr(tokens.word[:40])
        return self.fault(f"expected {what}, found {found}")

    def read(self) -> list[Node]:
        tokens = self.tokens
        tokens.advance()
        while True:
            frame = self.frames[-1]
            if tokens.kind == "end":
                if not frame.closing:
                    return self.top
                raise self.fault(f"the file ends inside the braces opened here, without {frame.closing!r}", frame.line)
            if tokens.kind == "mark" and tokens.word in "}>":
                self.close(frame)
            else:
                self.field(frame)

    def close(self, frame: _Frame) -> None:
        if self.tokens.word != frame.closing:
            raise self.expected("a field")
        self.tokens.advance()
        self.frames.pop()
        if frame.list_name and not self.tokens.take("]"):
            if not self.tokens.take(","):
                raise self.expected("',' or ']'")
            self.item(frame.list_name)
            return
        self.separate()

    def separate(self) -> None:
        _ = self.tokens.take(",") or self.tokens.take(";")

    def field(self, frame: _Frame) -> None:
        tokens = self.tokens
        line = tokens.line
        if tokens.take("["):
            name = self.extension()
        elif tokens.kind == "name":
            name = tokens.advance()
        else:
            raise self.expected("a field's name")
        colon = tokens.take(":")
        if tokens.kind == "mark" and tokens.word in "{<":
            self.open(name, line)
        elif tokens.take("["):
            if tokens.take("]"):
                self.separate()
            else:
                self.item(name)
        elif not colon:
            raise self.expected(f"':' or '{{' after {name}")
        else:
            node = Node(name, line)
            frame.fields.append(node)
            node.value = self.value()
            if tokens.kind == "mark" and tokens.word in "./-" and node.value[:1] not in "\"'":
                raise self.fault(f"the value of {name} needs quotes: it goes on behind {node.value[:40]!r}")
            self.separate()

    def extension(self) -> str:
        """Read the bracketed name of an extension, after its opening bracket."""
        words = []
        while not self.tokens.take("]"):
            if self.tokens.kind not in ("name", "number", "mark") or self.tokens.word in "{}<>[:;,":
                raise self.expected("the name of an extension")
            words.append(self.tokens.advance())
        return f"[{''.join(words)}]"

    def open(self, name: str, line: int, list_name: str = "") -> None:
        if len(self.frames) > MAX_DEPTH:
            raise self.fault(f"messages are nested more than {MAX_DEPTH} deep")
        node = Node(name, line, [])
        self.frames[-1].fields.append(node)
        assert node.fields is not None
        self.frames.append(_Frame(node.fields, self.tokens.line, _CLOSES[self.tokens.word], list_name))
        self.tokens.advance()

    def item(self, name: str) -> None:
        """Read the items of a list up to its end or through the opening brace of the next message in it."""
        fields = self.frames[-1].fields
        while True:
            line = self.tokens.line
            if self.tokens.kind == "mark" and self.tokens.word in "{<":
                self.open(name, line, name)
                return
            node = Node(name, line)
            fields.append(node)
            node.value = self.value()
            if self.tokens.take("]"):
                self.separate()
                return
            if not self.tokens.take(","):
                raise self.expected("',' or ']'")

    def value(self) -> str:
        """Read a value and return its text; for a string in several pieces, that of the first piece."""
        tokens = self.tokens
        if tokens.kind == "string":
            first = tokens.advance()
            while tokens.kind == "string":
                tokens.advance()
            return first
        sign = "-" if tokens.take("-") else ""
        if tokens.kind not in ("name", "number"):
            raise self.expected("a value")
        return sign + tokens.advance()


def read_fields(text: str) -> list[Node]:
    """Return the top-level fields of a prototxt. Raises SyntaxFault."""
    return _Reader(text).read()

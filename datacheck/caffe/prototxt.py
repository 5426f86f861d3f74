"""Read a solver or network prototxt: its message, the line of each field, and the fields unknown to BVLC Caffe."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from datacheck.caffe.forks import forks_of_value, forks_repeating
from datacheck.caffe.messages import MalformedMessage, parse_text
from datacheck.caffe.scalars import fault_of
from datacheck.caffe.schema import messages
from datacheck.caffe.syntax import Node, SyntaxFault, read_fields
from datacheck.errors import PrototxtMalformed, SourceUnknown, SourceUnreadable
from datacheck.files.near import source_missing
from datacheck.files.regular import NotRegular, open_regular

MAX_BYTES = 4 << 20
"""Largest prototxt that is read, in bytes; that of a network of a thousand layers has half a megabyte."""

Kind = Literal["solver", "network"]
ROOTS: dict[Kind, str] = {"solver": "SolverParameter", "network": "NetParameter"}
"""The message that a file of each kind holds."""

_INDEX = re.compile(r"\[\d+\]$")
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_GLOG = re.compile(r"(Log file created at|[IWEF]\d{4,8} \d\d:\d\d:\d\d)")


@dataclass(frozen=True)
class UnknownField:
    """A field that its message (`owner`, its name in the schema) does not have in BVLC Caffe.

    If `value` is set, the field exists, but only forks have that value of its enum. If `again` is True, the field
    exists, but it is given several times, which only forks accept.
    """

    name: str
    path: str
    owner: str
    line: int
    value: str = ""
    again: bool = False


@dataclass(frozen=True)
class Prototxt:
    """A parsed prototxt.

    `message` is the SolverParameter or NetParameter without its unknown fields. `lines` has the line of each field by
    its path. A path consists of the field names from the root, joined by dots; repeated fields have an index:
    `layer[3].convolution_param.kernel_size[0]`.
    """

    path: str
    kind: Kind
    message: Any
    lines: Mapping[str, int]
    unknown: Sequence[UnknownField] = ()

    def line(self, path: str) -> int:
        """Return the line (from 1) of the field at `path`, or of the nearest enclosing field if there is none.

        The index of the first item of a repeated field may be omitted.
        """
        while path:
            for candidate in (path, f"{path}[0]", _INDEX.sub("", path)):
                if candidate in self.lines:
                    return self.lines[candidate]
            path = path.rpartition(".")[0]
        return 1


def read_prototxt(path: str | Path) -> Prototxt:
    """Return the prototxt at `path`.

    Raises PrototxtMalformed if it has a fault for which Caffe would reject it, SourceUnknown if the file is neither a
    solver nor a network, SourceMissing, or SourceUnreadable.
    """
    return parse_prototxt(str(path), _read_text(Path(path)))


def parse_prototxt(path: str, text: str) -> Prototxt:
    """Return the prototxt parsed from `text`; `path` is its name. Raises PrototxtMalformed or SourceUnknown."""
    try:
        fields = read_fields(text)
    except SyntaxFault as exc:
        if _kind_of(exc.fields) is None:
            raise SourceUnknown(path, _other_format_clause(text, exc)) from exc
        raise PrototxtMalformed(path, exc.line, exc.reason) from exc
    kind = _kind_of(fields)
    if kind is None:
        raise SourceUnknown(path, "holds no field of a Caffe solver or network")
    lines: dict[str, int] = {}
    unknown = list(_walk(fields, ROOTS[kind], "", lines))
    try:
        message = parse_text(ROOTS[kind], text)
    except MalformedMessage as exc:
        line, reason = fault_of(fields, ROOTS[kind], exc.line) or (exc.line, exc.reason)
        raise PrototxtMalformed(path, line, reason) from exc
    return Prototxt(path, kind, message, lines, tuple(unknown))


def _kind_of(fields: Sequence[Node]) -> Kind | None:
    """Return the kind whose message has more of the fields ("network" for a tie), or None if neither has any."""
    names = {node.name for node in fields}
    solver, network = (len(names & messages()[ROOTS[kind]].keys()) for kind in ("solver", "network"))
    if not solver and not network:
        return None
    return "solver" if solver > network else "network"


def _walk(fields: Sequence[Node], owner: str, prefix: str, lines: dict[str, int]) -> Iterator[UnknownField]:
    """Record the line of each field in `lines`, recursively, and yield the unknown fields.

    `read_fields` bounds the depth of the recursion.
    """
    known = messages()[owner]
    count: Counter[str] = Counter()
    for node in fields:
        path = f"{prefix}{node.name}"
        field = known.get(node.name)
        if field is None:
            lines.setdefault(path, node.line)
            yield UnknownField(node.name, path, owner, node.line)
            continue
        if field.repeated:
            path += f"[{count[node.name]}]"
            count[node.name] += 1
        lines.setdefault(path, node.line)
        if count[node.name] == 2 and forks_repeating(node.name, owner):
            yield UnknownField(node.name, path, owner, node.line, again=True)
        if node.value and forks_of_value(field.type, node.value):
            yield UnknownField(node.name, path, owner, node.line, node.value)
        if node.fields and field.type in messages():
            yield from _walk(node.fields, field.type, f"{path}.", lines)


def _read_text(path: Path) -> str:
    try:
        if not path.exists():
            raise source_missing(path)
        if path.is_dir():
            raise SourceUnknown(str(path), "is a directory, not a prototxt")
        with open_regular(path) as file:
            data = _read_bytes(path, file)
    except NotRegular as exc:
        raise SourceUnknown(str(path), exc.clause) from exc
    except OSError as exc:
        raise SourceUnreadable(str(path), f"may not be read: {exc.strerror}") from exc
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")  # Caffe does not care about the encoding of comments and names
    if not text.strip():
        raise SourceUnknown(str(path), "is an empty file")
    if _BINARY.search(text):
        raise SourceUnknown(str(path), "is binary, not a prototxt")
    return text.removeprefix("\ufeff")


def _read_bytes(path: Path, file: IO[bytes]) -> bytes:
    head = file.read(4096)
    if b"\0" in head:
        raise SourceUnknown(str(path), "is binary, not a prototxt")
    data = head + file.read(MAX_BYTES + 1 - len(head))
    if len(data) > MAX_BYTES:
        raise SourceUnknown(str(path), f"has more than {MAX_BYTES >> 20} MiB, which no prototxt has")
    return data


def _other_format_clause(text: str, fault: SyntaxFault) -> str:
    """Return a clause about what a text is that is not a prototxt."""
    if _GLOG.match(text):
        return "is a log, not a prototxt; see 'datacheck log'"
    if text.lstrip()[:15].lower().startswith(("<!doctype html", "<html")):
        return "is an HTML page, most likely the error page of a download"
    if text.startswith("version https://git-lfs"):
        return "is a git-lfs pointer, not the file it stands for; fetch it with 'git lfs pull'"
    return f"is not a prototxt: line {fault.line}: {fault.reason}"

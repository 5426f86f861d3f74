"""Read a solver or network prototxt: its message, the line of every field, the fields that Caffe does not know."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from datacheck.caffe.forks import forks_of_value
from datacheck.caffe.messages import MalformedMessage, parse_text
from datacheck.caffe.scalars import fault_of
from datacheck.caffe.schema import messages
from datacheck.caffe.syntax import Node, SyntaxFault, read_fields
from datacheck.errors import PrototxtMalformed, SourceMissing, SourceUnknown, SourceUnreadable
from datacheck.files.regular import NotRegular, open_regular

MAX_BYTES = 4 << 20
"""The prototxt of a network of a thousand layers has half a megabyte."""

Kind = Literal["solver", "network"]
ROOTS: dict[Kind, str] = {"solver": "SolverParameter", "network": "NetParameter"}
"""kind: the message that its file holds."""

_INDEX = re.compile(r"\[\d+\]$")
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_GLOG = re.compile(r"(Log file created at|[IWEF]\d{4,8} \d\d:\d\d:\d\d)")


@dataclass(frozen=True)
class UnknownField:
    """A field that the message it stands in (`owner`, as the schema calls it) does not have in BVLC's Caffe.

    With a `value`, the field is there, but not that value of its enum, which only forks have.
    """

    name: str
    path: str
    owner: str
    line: int
    value: str = ""


@dataclass(frozen=True)
class Prototxt:
    """A prototxt as it was read.

    `message` is the SolverParameter or NetParameter without its unknown fields. Paths are the fields' names from the
    root, joined by dots; those of repeated fields have their index: `layer[3].convolution_param.kernel_size[0]`.
    """

    path: str
    kind: Kind
    message: Any
    lines: Mapping[str, int]
    unknown: Sequence[UnknownField] = ()

    def line(self, path: str) -> int:
        """Return the line (from 1) of the field at `path`; if it is not there, that of what it would stand in.

        The index of the first of a repeated field may be left away.
        """
        while path:
            for candidate in (path, f"{path}[0]", _INDEX.sub("", path)):
                if candidate in self.lines:
                    return self.lines[candidate]
            path = path.rpartition(".")[0]
        return 1


def read_prototxt(path: str | Path) -> Prototxt:
    """Return the prototxt at `path`.

    Raises PrototxtMalformed for one that has a fault in it for which Caffe would not take it, SourceUnknown for what is
    no solver and no network at all, SourceMissing, SourceUnreadable.
    """
    return parse_prototxt(str(path), _text(Path(path)))


def parse_prototxt(path: str, text: str) -> Prototxt:
    """Return the prototxt that `text` is; `path` is what it is called. Raises as `read_prototxt` does."""
    try:
        fields = read_fields(text)
    except SyntaxFault as exc:
        if _kind(exc.seen) is None:
            raise SourceUnknown(path, _foreign(text, exc)) from exc
        raise PrototxtMalformed(path, exc.line, exc.reason) from exc
    kind = _kind(fields)
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


def _kind(fields: Sequence[Node]) -> Kind | None:
    """Return which of the two messages more of the fields belong to."""
    names = {node.name for node in fields}
    solver, network = (len(names & messages()[ROOTS[kind]].keys()) for kind in ("solver", "network"))
    if not solver and not network:
        return None
    return "solver" if solver > network else "network"


def _walk(fields: Sequence[Node], owner: str, prefix: str, lines: dict[str, int]) -> Iterator[UnknownField]:
    """Note the line of each field, and of those in it; yield the unknown ones. The depth is that of `read_fields`."""
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
        if node.value and forks_of_value(field.type, node.value):
            yield UnknownField(node.name, path, owner, node.line, node.value)
        if node.fields and field.type in messages():
            yield from _walk(node.fields, field.type, f"{path}.", lines)


def _text(path: Path) -> str:
    try:
        if not path.exists():
            raise SourceMissing(str(path))
        if path.is_dir():
            raise SourceUnknown(str(path), "is a directory, not a prototxt")
        with open_regular(path) as file:
            data = _read(path, file)
    except NotRegular as exc:
        raise SourceUnknown(str(path), exc.clause) from exc
    except OSError as exc:
        raise SourceUnreadable(str(path), f"may not be read: {exc.strerror}") from exc
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")  # comments and names in an old encoding are no matter to Caffe
    if not text.strip():
        raise SourceUnknown(str(path), "is an empty file")
    if _BINARY.search(text):
        raise SourceUnknown(str(path), "is binary, not a prototxt")
    return text.removeprefix("\ufeff")


def _read(path: Path, file: IO[bytes]) -> bytes:
    head = file.read(4096)
    if b"\0" in head:
        raise SourceUnknown(str(path), "is binary, not a prototxt")
    data = head + file.read(MAX_BYTES + 1 - len(head))
    if len(data) > MAX_BYTES:
        raise SourceUnknown(str(path), f"has more than {MAX_BYTES >> 20} MiB, which no prototxt has")
    return data


def _foreign(text: str, fault: SyntaxFault) -> str:
    """Say in a clause what the text is, which is no prototxt from its first field on."""
    if _GLOG.match(text):
        return "is a log, not a prototxt; see 'datacheck log'"
    if text.lstrip()[:15].lower().startswith(("<!doctype html", "<html")):
        return "is an HTML page, most likely the error page of a download"
    if text.startswith("version https://git-lfs"):
        return "is a git-lfs pointer, not the file it stands for; fetch it with 'git lfs pull'"
    return f"is not a prototxt: line {fault.line}: {fault.reason}"

"""Decode pickles of any protocol to a tree; nothing is ever unpickled."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from datacheck.decoders.interface import Reading, Value
from datacheck.decoders.npy_bytes import MAGIC as NPY
from datacheck.decoders.npy_bytes import objects_at
from datacheck.decoders.pickles import torch_stream
from datacheck.decoders.pickles.calls import OURS
from datacheck.decoders.pickles.joblib_arrays import WRAPPERS
from datacheck.decoders.pickles.latin_bytes import holds_latin, with_bytes
from datacheck.decoders.pickles.machine import Machine
from datacheck.decoders.pickles.opcodes import OPERATIONS
from datacheck.decoders.pickles.parts import Broken
from datacheck.decoders.pickles.tracing import places
from datacheck.decoders.trees.alike import decode_alike
from datacheck.decoders.trees.decoder import TreeDecoder
from datacheck.decoders.trees.series import SERIES, first_or_series, too_many
from datacheck.decoders.trees.tree import STREAM, Bytes, Items, Node, Parsed
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block
from datacheck.model.codes import Verdict
from datacheck.model.finding import Finding, found
from datacheck.model.profile import FamilyProfile
from datacheck.model.replacing import replace

FIRST = frozenset(b"(c}])IFVSUXTJKMLG")
"""Opcodes with which a pickle of protocol 0 or 1 begins."""
LOOKED_AT = 1 << 12
"""Maximum number of opcodes walked to recognise protocols 0 and 1, which have no magic number."""
SHORTEST = 4
UNSAFE = 4
"""Maximum number of unsafe globals reported per record."""


class PickleDecoder(TreeDecoder):
    """Decodes pickles of protocols 0 to 5 by walking their opcodes: nothing is imported, called or hashed.

    This includes the .npy bytes of arrays of objects, which are a pickle after a header.
    """

    name = "pickle"

    def knows(self, value: Value) -> bool:
        if len(value) < 3:
            return False
        first = value[0]
        if first == NPY[0]:
            return objects_at(value) is not None
        if first == 0x80:
            return 2 <= value[1] <= 5 and (value[2] in OPERATIONS or value[2] == 0x2E) and _is_likely(value)
        return first in FIRST and len(value) >= SHORTEST and _is_pickle(value)

    def decode_together(
        self, read: Callable[[Value], Reading], block: Block, rows: Sequence[int], profile: FamilyProfile | None
    ) -> tuple[Sequence[Batch], Sequence[int]]:
        if rows and holds_latin(block.values[rows[0]]):
            values = [*block.values]
            for row in rows:
                values[row] = with_bytes(values[row]) or values[row]
            block = replace(block, values=values)
        return decode_alike(read, places, block, rows, profile)

    def parse(self, value: Value) -> Parsed:
        return parse_pickle(Machine(value, objects_at(value) or 0))

    def read(self, value: Value, profile: FamilyProfile | None, *, pixels: bool = True) -> Reading:
        """Read one record: one pickle, or several that lie behind each other.

        `pickle.load` reads the next one of a stream with each call, and `pickle.loads` the first one only.
        """
        first = TreeDecoder.read(self, value, profile, pixels=pixels)  # faster than with super()
        return first_or_series(first, parse_series, value, profile, pixels=pixels)


def parse_series(value: Value) -> Parsed:
    """Return the trees of the pickles that lie behind each other in a value, as a list, and the findings about them.

    The list ends before a pickle with a bad finding, and before bytes that do not begin like one.
    """
    machine = Machine(value, objects_at(value) or 0)
    trees: list[Node] = []
    findings: list[Finding] = []
    classes: frozenset[str] = frozenset()
    while True:
        parsed = parse_pickle(machine)
        path = f"[{len(trees)}]"
        classes |= parsed.classes
        trailing = [it for it in parsed.findings if it.code == "trailing-data"]
        findings += [replace(it, field=path) for it in parsed.findings if it not in trailing]
        if any(it.verdict == "bad" for it in parsed.findings):
            break
        trees.append(parsed.tree)
        if not trailing or not _begins_pickle(machine.raw, machine.at):
            findings += trailing
            break
        if len(trees) == SERIES:
            findings.append(too_many("pickles"))
            break
        following = Machine(value, machine.at, left=machine.left)
        following.containers = machine.containers
        machine = following
    return Parsed(Items(trees, STREAM), findings, classes)


def _begins_pickle(value: Value, at: int) -> bool:
    """Check whether a pickle of protocol 2 to 5 begins at an offset; earlier ones have no magic."""
    return value[at] == 0x80 and at + 2 < len(value) and 2 <= value[at + 1] <= 5


def parse_pickle(machine: Machine) -> Parsed:
    """Run a machine, and return the tree of its pickle and the findings about it."""
    try:
        tree = _tree(machine)
    except Broken as broken:
        verdict: Verdict | None = "unverifiable" if broken.verdict == "unverifiable" else None
        message = _not_a_pickle(machine.raw) if broken.code == "undecodable" and machine.at <= 1 else broken.message
        finding = found(broken.code, message, field="data", verdict=verdict)
        return Parsed(None, [finding, *_unsafe_findings(machine)], _classes(machine))
    findings = _unsafe_findings(machine)
    rest = machine.end - machine.at
    if rest:
        if _begins_pickle(machine.raw, machine.at):  # asked first, since all bytes are copied to see if they are zero
            more = ", which begin like another one"
        else:
            more = ", all zero" if not bytes(machine.view[machine.at :]).strip(b"\0") else ""
        message = f"{rest} bytes after the end of the pickle{more}"
        findings.append(found("trailing-data", message, field="data", offset=machine.at, size=rest))
    return Parsed(tree, findings, _classes(machine))


def _tree(machine: Machine) -> Node:
    """Return the tree of a pickle, or of the several pickles that make up torch's older format."""
    if machine.raw[: len(torch_stream.MAGIC)] != torch_stream.MAGIC:
        return machine.run()

    def walk(raw: Bytes, at: int, persistent: object) -> tuple[Node, int]:
        return machine.nested(raw, at, persistent)  # type: ignore[arg-type]

    tree = torch_stream.read(machine.view, walk)
    machine.at = machine.end
    return tree


def _is_pickle(value: Value) -> bool:
    """Check whether a value without a magic number is a pickle, as far as LOOKED_AT opcodes, and yields an object."""
    machine = Machine(value, left=LOOKED_AT)
    try:
        machine.run()
    except Broken as broken:
        return broken.code == "too-large"
    return machine.at == machine.end


def _unsafe_findings(machine: Machine) -> list[Finding]:
    """Return a finding for each global that runs commands or opens files, up to UNSAFE."""
    sentences = list(machine.unsafe.items())
    return [found("unsafe-pickle", sentence, field="data", name=kind) for kind, sentence in sentences[:UNSAFE]]


def _classes(machine: Machine) -> frozenset[str]:
    return frozenset(machine.globals.keys() - OURS - WRAPPERS - machine.unsafe.keys())


def _not_a_pickle(value: Value) -> str:
    content = "all zero" if not bytes(value).strip(b"\0") else f"it begins with {bytes(value[:8]).hex(' ')}"
    return f"not a pickle: {len(value)} bytes, {content}"


def _is_likely(value: Value) -> bool:
    """Check for a frame, a STOP at the end, or torch's magic, since values may begin like a protocol by chance."""
    if value[2] == FRAME:
        return not any(value[8:11])
    return value[-1] == STOP or bytes(value[:6]) == torch_stream.MAGIC[:6]


FRAME, STOP = 0x95, 0x2E

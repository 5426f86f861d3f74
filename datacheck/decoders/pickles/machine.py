"""A machine that walks a pickle's opcodes and builds a tree; it imports, calls and hashes nothing.

The opcodes are those of Lib/pickletools.py, protocols 0 to 5. Every length is limited by the bytes present; WORK and
CONTAINERS limit the work and the memory per record.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from datacheck.decoders.interface import Value
from datacheck.decoders.pickles import calls, torch_stream, unsafe
from datacheck.decoders.pickles.parts import Broken, Global
from datacheck.decoders.trees.tree import Bytes, Flawed, Items, Keyed, Node, Opaque

WORK = 1 << 22
"""Maximum number of opcodes, and of parts that opcodes copy, that are walked per record."""
CONTAINERS = 1 << 19
"""Maximum number of lists, mappings, tuples and objects per record."""
COPIED = 16
"""Number of copied arguments of a call that count as one unit of the work."""
SMALL = 1 << 16
"""Size in bytes up to which a view is copied to bytes, which are faster to access."""
LINE = 1 << 16
"""Longest line of protocol 0 that holds a name or number, in bytes; lines of text may be as long as the record."""
NESTED = 2
"""Maximum depth of pickles inside pickles, such as torch's storages; deeper ones are not read."""
GLOBALS = 256
"""Maximum number of different classes per record that are kept."""

Persistent = Callable[[Node], Node]


def _unknown(identity: Node) -> Node:
    return Flawed("unknown-payload", "an id of what the writer kept elsewhere")


class Machine:
    """Walks one pickle from `at` on. `persistent` returns the node for a persistent id."""

    operations: ClassVar[list[Callable[[Machine], None] | None]] = [None] * 256

    def __init__(
        self, value: Value, at: int = 0, persistent: Persistent = _unknown, *, left: int = WORK, depth: int = 0
    ) -> None:
        if isinstance(value, memoryview) and len(value) <= SMALL:
            value = bytes(value)
        self.raw = value
        self.view = memoryview(value)
        self.at, self.end = at, len(value)
        self.persistent = persistent
        self.left, self.containers, self.depth = left, CONTAINERS, depth
        self.stack: list[Node] = []
        self.marks: list[int] = []
        self.memo: dict[int, Node] = {}
        self.protocol = 0
        self.globals: dict[str, Global] = {}
        self.unsafe: dict[str, str] = {}
        self.types: list[Global] = []
        self._encoded: dict[int, tuple[str, Bytes]] = {}
        self._storages: dict[int, tuple[Bytes, Node]] = {}

    def run(self) -> Node:
        """Walk the pickle and return its tree; `at` is then behind its STOP. Raises Broken."""
        raw, operations, end = self.raw, self.operations, self.end
        while True:
            at = self.at
            if at >= end:
                raise self.truncated()
            code = raw[at]
            self.at = at + 1
            if code == 0x2E:
                break
            operation = operations[code]
            if operation is None:
                raise Broken("undecodable", f"byte {at} is {code:#04x}, which is not an opcode of a pickle")
            self.left -= 1
            if self.left < 0:
                raise self.too_large(f"more than {WORK} opcodes")
            operation(self)
        if self.marks:
            raise Broken("undecodable", f"STOP at byte {at} inside an unfinished container")
        return self.pop()

    def truncated(self) -> Broken:
        return Broken("truncated", f"ends at byte {self.end} inside the pickle")

    def too_large(self, excess: str) -> Broken:
        return Broken("too-large", f"{excess} in one record; it was not walked to its end", "unverifiable")

    def work(self, amount: int) -> None:
        self.left -= amount

    # Used by the operations.

    def pop(self) -> Node:
        stack = self.stack
        if not stack or (self.marks and len(stack) <= self.marks[-1]):
            raise Broken("undecodable", f"the opcode at byte {self.at - 1} takes more than there is")
        return stack.pop()

    def top(self) -> Node:
        node = self.pop()
        self.stack.append(node)
        return node

    def pop_to_mark(self) -> list[Node]:
        """Pop everything above the last mark."""
        if not self.marks:
            raise Broken("undecodable", f"the opcode at byte {self.at - 1} needs a mark that is not there")
        at = self.marks.pop()
        nodes = self.stack[at:]
        del self.stack[at:]
        return nodes

    def push_container(self, node: Node) -> None:
        """Push a container, and count it."""
        self.containers -= 1
        if self.containers < 0:
            raise self.too_large(f"more than {CONTAINERS} lists, mappings and objects")
        self.stack.append(node)

    def take(self, count: int) -> Bytes:
        """Consume the next bytes of the record, and return a view of them."""
        at = self.at
        if count > self.end - at:
            raise self.truncated()
        self.at = at + count
        return self.view[at : at + count]

    def number(self, size: int) -> int:
        """Consume an unsigned little-endian integer."""
        at = self.at
        if size > self.end - at:
            raise self.truncated()
        self.at = at + size
        if size == 1:
            return self.raw[at]
        return int.from_bytes(self.raw[at : at + size], "little")

    def line(self, limit: int = LINE) -> bytes:
        """Consume a line, and return it without its end."""
        at, width = self.at, 1 << 8
        while True:
            piece = bytes(self.raw[at : at + width])
            found = piece.find(b"\n")
            if found >= 0:
                self.at = at + found + 1
                return piece[:found]
            if at + width >= self.end:
                raise self.truncated()
            if width > limit:
                raise Broken("undecodable", f"a line of more than {limit} bytes at byte {at}")
            width *= 4

    def named(self, module: str, name: str) -> Global:
        """Return the class or function of this name; records it, and whether unpickling it is unsafe."""
        kind = f"{module}.{name}"[:400]
        result = self.globals.get(kind)
        if result is None:
            result = Global(kind, module, name)
            is_type = kind in unsafe.TYPES
            if is_type or len(self.globals) < GLOBALS:
                self.globals[kind] = result
            if is_type:
                self.types.append(result)
            if unsafe.is_unsafe(module, name) and len(self.unsafe) < GLOBALS:
                self.unsafe.setdefault(kind, unsafe.describe(module, name))
        return result

    def call(self, function: Node, arguments: Node) -> Node:
        if isinstance(arguments, Items):
            self.work(len(arguments.items) // COPIED)
        if self.types:
            self._find_called_types(function, arguments)
        if isinstance(function, Global) and function.kind in self.unsafe:
            self.unsafe[function.kind] = unsafe.describe(function.module, function.name, arguments)
        return calls.call(self, function, arguments)

    def _find_called_types(self, function: Node, arguments: Node) -> None:
        """Take a class that is harmless by its name for unsafe if it is called, or passed on to be called."""
        passed = arguments.items if isinstance(arguments, Items) else [arguments]
        named = isinstance(function, Global) and function.kind in calls.RECONSTRUCT
        for it in self.types:
            if function is it or (not named and any(part is it for part in passed)):
                self.unsafe.setdefault(it.kind, unsafe.describe(it.module, it.name))

    def encoded(self, text: str) -> Bytes:
        """Return a view of a text in latin-1; each text is encoded only once, however often the record asks for it."""
        cached = self._encoded.get(id(text))
        if cached is None:
            try:
                cached = text, memoryview(text.encode("latin-1"))
            except UnicodeEncodeError:
                raise Broken("undecodable", "bytes are written as a text that is not latin-1") from None
            self._encoded[id(text)] = cached
        return cached[1]

    def legacy_torch(self, raw: Bytes) -> Node:
        """Return the storage in torch's older format, which consists of several pickles."""
        cached = self._storages.get(id(raw))
        if cached is None:
            if self.depth >= NESTED:
                return Opaque("a storage in a storage")
            cached = raw, torch_stream.read(raw, self.nested)
            self._storages[id(raw)] = cached
        return cached[1]

    def nested(self, raw: Bytes, at: int, persistent: Persistent) -> tuple[Node, int]:
        """Walk a pickle inside this one, and return its tree and the offset of its end."""
        inner = Machine(raw, at, persistent, left=self.left, depth=self.depth + 1)
        node = inner.run()
        self.left = inner.left
        for it in inner.globals.values():
            self.named(it.module, it.name)
        self.unsafe.update(inner.unsafe)
        return node, inner.at


def make_pairs(nodes: list[Node]) -> list[tuple[Node, Node]]:
    if len(nodes) % 2:
        raise Broken("undecodable", "a mapping has a key without a value")
    return [*zip(nodes[::2], nodes[1::2], strict=True)]


def append(target: Node, items: list[Node]) -> None:
    """Append to a list, or to an object that behaves like one."""
    if isinstance(target, (Items, Keyed)):
        target.items += items
    elif not isinstance(target, Opaque):
        raise Broken("undecodable", "appends to something that is not a list")


def set_pairs(target: Node, pairs: list[tuple[Node, Node]]) -> None:
    if isinstance(target, Keyed):
        target.pairs += pairs
    elif not isinstance(target, Opaque):
        raise Broken("undecodable", "sets a key of something that is not a mapping")

"""Implement the machine's opcodes: those of `pickletools.opcodes`, protocols 0 to 5."""

from __future__ import annotations

import codecs
import struct
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from datacheck.decoders.pickles import calls, joblib_arrays
from datacheck.decoders.pickles.machine import Machine, append, make_pairs, set_pairs
from datacheck.decoders.pickles.parts import Broken, Global
from datacheck.decoders.trees.tree import Flawed, Items, Keyed, Node, Opaque, Run

DIGITS = 1000
"""Maximum number of digits in a number written as text; longer numbers are kept but not checked."""
LONG_BYTES = 4096
FLOATS = 8
"""Minimum number of consecutive floats that are read as one run."""
_BUFFER = Flawed("unknown-payload", "a buffer that is not in the record")
_DOUBLE = struct.Struct(">d")
Operation = Callable[[Machine], None]


def _proto(m: Machine) -> None:
    version = m.number(1)
    if version > 5:
        raise Broken("unknown-payload", f"a pickle of protocol {version}, known are 0 to 5", "unverifiable")
    m.protocol = version


def _frame(m: Machine) -> None:
    """Handle FRAME, the number of bytes to fetch at once; like pickle, refuse a record that has fewer."""
    if m.number(8) > m.end - m.at:
        raise m.truncated()


def _mark(m: Machine) -> None:
    m.marks.append(len(m.stack))
    raw, at = m.raw, m.at
    if at + 9 * FLOATS < m.end and raw[at] == 0x47 and raw[at + 9] == 0x47:
        _floats(m)


def _floats(m: Machine) -> None:
    """Read a run of floats that completely fills a container as a strided view, without creating Python objects."""
    flat = np.frombuffer(m.view[m.at :], np.uint8)
    heads = flat[: len(flat) - len(flat) % 9].reshape(-1, 9)
    piece = 1 << 10
    count = 0
    while count < len(heads):
        others = np.flatnonzero(heads[count : count + piece, 0] != 0x47)
        if others.size:
            count += int(others[0])
            break
        count += min(piece, len(heads) - count)
    end = m.at + 9 * count
    if count < FLOATS or end >= m.end or m.raw[end] not in b"etl":  # else one may be a key or appended alone
        return
    m.stack.append(Run(np.ndarray((count,), ">f8", m.view[m.at : end], 1, (9,))))
    m.work(count // 16)
    m.at = end


def _pop(m: Machine) -> None:
    if m.marks and len(m.stack) == m.marks[-1]:
        m.marks.pop()
    else:
        m.pop()


def _pop_mark(m: Machine) -> None:
    m.pop_to_mark()


def _constant(value: Node) -> Operation:
    def operation(m: Machine) -> None:
        m.stack.append(value)

    return operation


def _integer(size: int) -> Operation:
    def operation(m: Machine) -> None:
        m.stack.append(m.number(size))

    return operation


def _binint(m: Machine) -> None:
    m.stack.append(int.from_bytes(m.take(4), "little", signed=True))


def _long(size: int) -> Operation:
    def operation(m: Machine) -> None:
        count = m.number(size)
        if size == 4 and count >> 31:
            raise Broken("undecodable", "an integer of a negative number of bytes")
        raw = m.take(count)
        m.stack.append(int.from_bytes(raw, "little", signed=True) if count <= LONG_BYTES else Opaque("an integer"))

    return operation


def _digits(m: Machine) -> None:
    """Handle INT and LONG: in INT, 01 and 00 are booleans; LONG ends in L."""
    line = m.line()
    if line in (b"01", b"00"):
        m.stack.append(line == b"01")
        return
    digits = line.strip().removesuffix(b"L")
    if len(digits) > DIGITS:
        m.stack.append(Opaque("an integer"))
        return
    try:
        m.stack.append(int(digits, 0 if m.raw[m.at - len(line) - 2] == 0x49 else 10))
    except ValueError:
        raise Broken("undecodable", f"an integer written as {bytes(digits[:20])!r}") from None


def _float(m: Machine) -> None:
    line = m.line()
    if len(line) > DIGITS:
        m.stack.append(Opaque("a number"))
        return
    try:
        m.stack.append(float(line))
    except ValueError:
        raise Broken("undecodable", f"a number written as {line[:20]!r}") from None


def _binfloat(m: Machine) -> None:
    m.stack.append(_DOUBLE.unpack(m.take(8))[0])


def _string(m: Machine) -> None:
    line = m.line(m.end).strip()
    if len(line) < 2 or line[0] != line[-1] or line[:1] not in b"'\"":
        raise Broken("undecodable", "a text without quotes")
    try:
        with warnings.catch_warnings():  # Python warns about unknown escapes
            warnings.simplefilter("ignore")
            escaped: Any = codecs.escape_decode(line[1:-1])
    except ValueError:
        raise Broken("undecodable", "a text with a broken escape") from None
    m.stack.append(escaped[0])


def _unicode(m: Machine) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            m.stack.append(m.line(m.end).decode("raw-unicode-escape"))
    except UnicodeDecodeError:
        raise Broken("undecodable", "a text with a broken escape") from None


def _binary(size: int, *, text: bool) -> Operation:
    def operation(m: Machine) -> None:
        count = m.number(size)
        raw = m.take(count)
        if not text:
            m.stack.append(raw)
            return
        try:
            m.stack.append(str(raw, "utf-8", "surrogatepass"))
        except UnicodeDecodeError as error:
            where = m.at - count + error.start
            raise Broken("undecodable", f"a text that is not UTF-8 at byte {where}") from None

    return operation


def _tuple(count: int) -> Operation:
    def operation(m: Machine) -> None:
        items = [m.pop() for _ in range(count)]
        items.reverse()
        m.push_container(Items(items, "tuple"))

    return operation


def _empty_items(kind: str) -> Operation:
    def operation(m: Machine) -> None:
        m.push_container(Items(kind=kind))

    return operation


def _empty_mapping(m: Machine) -> None:
    m.push_container(Keyed())


def _marked_items(kind: str) -> Operation:
    def operation(m: Machine) -> None:
        m.push_container(Items(m.pop_to_mark(), kind))

    return operation


def _marked_mapping(m: Machine) -> None:
    m.push_container(Keyed(make_pairs(m.pop_to_mark())))


def _append(m: Machine) -> None:
    item = m.pop()
    append(m.top(), [item])


def _appends(m: Machine) -> None:
    items = m.pop_to_mark()
    append(m.top(), items)


def _set_item(m: Machine) -> None:
    value, key = m.pop(), m.pop()
    set_pairs(m.top(), [(key, value)])


def _set_items(m: Machine) -> None:
    pairs = make_pairs(m.pop_to_mark())
    set_pairs(m.top(), pairs)


def _dup(m: Machine) -> None:
    m.stack.append(m.top())


def _put_short(m: Machine) -> None:
    """Handle BINPUT, which protocols 1 to 3 write for nearly every part."""
    at, stack = m.at, m.stack
    if at >= m.end:
        raise m.truncated()
    m.at = at + 1
    m.memo[m.raw[at]] = stack[-1] if stack and not m.marks else m.top()


def _put(size: int) -> Operation:
    def operation(m: Machine) -> None:
        _remember(m, m.number(size))

    return operation


def _remember(m: Machine, place: int) -> None:
    """Store a part in the memo. Picklers count up and pickle allocates all lower places, so high ones are refused."""
    if place > m.end + 256:
        raise Broken("undecodable", f"place {place} of the memo in a pickle of {m.end} bytes")
    m.memo[place] = m.top()


def _memoize(m: Machine) -> None:
    stack, marks = m.stack, m.marks
    inside = len(stack) > (marks[-1] if marks else 0)
    m.memo[len(m.memo)] = stack[-1] if inside else m.top()


def _place(m: Machine) -> int:
    line = m.line()
    if not line.isdigit() or len(line) > 10:
        raise Broken("undecodable", f"a place in the memo written as {line[:20]!r}")
    return int(line)


def _put_line(m: Machine) -> None:
    _remember(m, _place(m))


def _remembered(m: Machine, place: int) -> None:
    if place not in m.memo:
        raise Broken("undecodable", f"place {place} of the memo is empty")
    m.stack.append(m.memo[place])


def _get(size: int) -> Operation:
    def operation(m: Machine) -> None:
        _remembered(m, m.number(size))

    return operation


def _get_line(m: Machine) -> None:
    _remembered(m, _place(m))


def _two_lines(m: Machine) -> Global:
    module, name = m.line(), m.line()
    try:
        return m.named(module.decode(), name.decode())
    except UnicodeDecodeError:
        raise Broken("undecodable", "the name of a class is not UTF-8") from None


def _global(m: Machine) -> None:
    m.stack.append(_two_lines(m))


def _stack_global(m: Machine) -> None:
    name, module = m.pop(), m.pop()
    if not isinstance(name, str) or not isinstance(module, str):
        raise Broken("undecodable", "the name of a class is not a text")
    m.stack.append(m.named(module, name))


def _reduce(m: Machine) -> None:
    arguments, function = m.pop(), m.pop()
    if not isinstance(arguments, (Items, Opaque, Flawed)):
        raise Broken("undecodable", "calls something with arguments that are not a tuple")
    m.push_container(m.call(function, arguments))


def _build(m: Machine) -> None:
    state, target = m.pop(), m.pop()
    result = calls.build(m, target, state)
    if isinstance(result, Keyed) and result.kind in joblib_arrays.WRAPPERS:
        result = joblib_arrays.read_array(m, result)
    m.stack.append(result)


def _instance(m: Machine, function: Node, arguments: list[Node]) -> None:
    """Make an object from a class and its arguments."""
    result = m.call(function, Items(arguments))
    m.push_container(result)


def _inst(m: Machine) -> None:
    function = _two_lines(m)
    _instance(m, function, m.pop_to_mark())


def _obj(m: Machine) -> None:
    arguments = m.pop_to_mark()
    if not arguments:
        raise Broken("undecodable", "makes an object without a class")
    _instance(m, arguments[0], arguments[1:])


def _newobj(m: Machine) -> None:
    arguments, function = m.pop(), m.pop()
    if not isinstance(arguments, (Items, Opaque, Flawed)):
        raise Broken("undecodable", "makes an object of arguments that are not a tuple")
    _instance(m, function, arguments.items if isinstance(arguments, Items) else [arguments])


def _newobj_ex(m: Machine) -> None:
    named, arguments, function = m.pop(), m.pop(), m.pop()
    if not isinstance(arguments, Items) or not isinstance(named, Keyed):
        raise Broken("undecodable", "makes an object of arguments that are none")
    result = m.call(function, arguments)
    if isinstance(result, Keyed):
        m.work(len(named.pairs))
        result.pairs += named.pairs
    m.push_container(result)


def _extension(size: int) -> Operation:
    def operation(m: Machine) -> None:
        m.stack.append(Opaque(f"extension {m.number(size)}"))

    return operation


def _persistent_line(m: Machine) -> None:
    m.stack.append(m.persistent(m.line().decode("latin-1")))


def _persistent(m: Machine) -> None:
    m.stack.append(m.persistent(m.pop()))


def _persistent_id(m: Machine) -> None:
    m.top()


OPERATIONS: dict[int, Operation] = {
    0x80: _proto, 0x95: _frame, 0x28: _mark, 0x30: _pop, 0x31: _pop_mark, 0x32: _dup,
    0x4E: _constant(None), 0x88: _constant(True), 0x89: _constant(False),
    0x49: _digits, 0x4A: _binint, 0x4B: _integer(1), 0x4D: _integer(2), 0x4C: _digits, 0x8A: _long(1), 0x8B: _long(4),
    0x46: _float, 0x47: _binfloat,
    0x53: _string, 0x54: _binary(4, text=False), 0x55: _binary(1, text=False),
    0x56: _unicode, 0x58: _binary(4, text=True), 0x8C: _binary(1, text=True), 0x8D: _binary(8, text=True),
    0x42: _binary(4, text=False), 0x43: _binary(1, text=False), 0x8E: _binary(8, text=False),
    0x96: _binary(8, text=False), 0x97: _constant(_BUFFER), 0x98: _persistent_id,
    0x29: _empty_items("tuple"), 0x74: _marked_items("tuple"), 0x85: _tuple(1), 0x86: _tuple(2), 0x87: _tuple(3),
    0x5D: _empty_items(""), 0x61: _append, 0x65: _appends, 0x6C: _marked_items(""),
    0x7D: _empty_mapping, 0x64: _marked_mapping, 0x73: _set_item, 0x75: _set_items,
    0x8F: _empty_items("set"), 0x90: _appends, 0x91: _marked_items("frozenset"),
    0x63: _global, 0x93: _stack_global, 0x52: _reduce, 0x62: _build, 0x69: _inst, 0x6F: _obj,
    0x81: _newobj, 0x92: _newobj_ex, 0x82: _extension(1), 0x83: _extension(2), 0x84: _extension(4),
    0x70: _put_line, 0x71: _put_short, 0x72: _put(4), 0x94: _memoize, 0x67: _get_line, 0x68: _get(1), 0x6A: _get(4),
    0x50: _persistent_line, 0x51: _persistent,
}  # fmt: skip
"""The operation of each opcode by its byte, except STOP, which ends the walk."""
for _code, _operation in OPERATIONS.items():
    Machine.operations[_code] = _operation

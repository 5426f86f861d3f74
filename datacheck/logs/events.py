"""Parse lines of a Caffe log into typed events; what a healthy run prints between two iterations is skipped quickly.

The lines are those of solver.cpp, sgd_solver.cpp, net.cpp and tools/caffe.cpp, with a glog prefix
(`LMMDD hh:mm:ss.uuuuuu thread file:line] `, since glog 0.6 `LYYYYMMDD ...`) or without one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import isfinite

import msgspec

from datacheck.logs.forms import message_start, usual_form

TEXT = 300
"""Maximum number of bytes of a line that are kept as evidence."""
NUMBER = rb"[-+.0-9aefin]{1,40}(?:#[A-Z]{3,4}\d{0,4})?"
PREFIX = re.compile(rb"[IWEF](?:\d{8}|\d{4}) \d\d:\d\d:\d\d\.\d{6} +(\d{1,20}) ([^\s:\]]{1,200}):\d{1,6}\] ?")


class Event(msgspec.Struct, gc=False):
    """What one line says: its number, its text, and the thread that wrote it (empty if no prefix has named one)."""

    line: int
    text: bytes
    thread: bytes


class Display(Event, gc=False):
    """`Iteration N (x iter/s, ...), loss = v`, or without the rate, as at a run's end and in older versions."""

    iteration: int
    loss: float
    rated: bool


class Batch(Event, gc=False):
    """`Batch N, name = v` of `caffe test`, and `Initial loss: v` of `caffe time`."""

    iteration: int
    name: bytes
    value: float


class Rate(Event, gc=False):
    """`Iteration N, lr = v`."""

    iteration: int
    lr: float


class Testing(Event, gc=False):
    """`Iteration N, Testing net (#k)`."""

    iteration: int


class Output(Event, gc=False):
    """`Train net output #k: name = v (* w = wv loss)`; its value is parsed only when needed."""

    test: bool


class Norms(Event, gc=False):
    """`[Backward] All net params (data, diff): L1 norm = (a, b); L2 norm = (c, d)`."""

    data_l1: float
    diff_l1: float
    data_l2: float
    diff_l2: float


class Clipping(Event, gc=False):
    """`Gradient clipping: scaling down gradients (L2 norm a > b) by scale factor c`."""

    norm: float
    limit: float


class Pass(Event, gc=False):
    """The first line of a forward pass, as debug_info shows it."""


class BadValue(Event, gc=False):
    """A line of debug_info whose mean absolute value is NaN or infinite.

    `step` is Forward, Backward or Update, `what` "top blob", "bottom blob", "param blob" or "param", `name` the blob's.
    `before` is the previous line, or None if it is not at hand.
    """

    step: str
    layer: str
    what: str
    name: str
    value: float
    before: bytes | None


class Section(Event, gc=False):
    """`Initializing solver from parameters` or `Initializing net from parameters`: protobuf text follows."""

    what: bytes


class Field(Event, gc=False):
    """A line of the protobuf text in a section."""


class Fatal(Event, gc=False):
    """A line that a dying process writes: a failed check, an uncaught exception, a signal."""


class Notice(Event, gc=False):
    """An error that Caffe survives, or a step in a run's course; `word` is the first five bytes of the message."""

    word: bytes


USUAL = re.compile(
    rb"I\d{4,8} [\d:.]{15} +(\d{1,20}) (?:sgd_)?solver\.cpp:\d{1,6}\] Iteration (\d{1,18})([^=\]]{1,200}) = "
    rb"(-?(?:\d[^ ]{0,30}|nan|inf))$"
)
ITERATION = re.compile(
    rb"Iteration (\d{1,18})(?:( \([^)]{0,200}\)))?,? (?:(loss|lr) = (" + NUMBER + rb")(?:\s*$|\s+\[)|(Testing) )"
)
BATCH = re.compile(rb"Batch (\d{1,18}), (.{1,200}?) = (" + NUMBER + rb")\s*$")
INITIAL = re.compile(rb"Initial loss: (" + NUMBER + rb")\s*$")
NORMS = re.compile(
    rb" *\[Backward\] All net params \(data, diff\): L1 norm = \((" + NUMBER + rb"), (" + NUMBER + rb")\); "
    rb"L2 norm = \((" + NUMBER + rb"), (" + NUMBER + rb")\)\s*$"
)
CLIPPING = re.compile(rb"Gradient clipping: .{1,80}L2 norm (" + NUMBER + rb") > (" + NUMBER + rb")\)")
DEBUG = re.compile(
    rb" *\[(Forward|Backward|Update)\] Layer ([^,]{1,200}), (top blob|bottom blob|param blob|param) (\S{1,200})"
    rb"(?: \(owned by [^)]{1,200}\))? (?:data|diff): (" + NUMBER + rb")(?:; diff: (" + NUMBER + rb"))?\s*$"
)
OUTPUT = re.compile(
    rb"T(rain|est) net output #\d{1,9}: (.{1,200}?) = (" + NUMBER + rb")( \(\* [^ ]{1,40} = [^ ]{1,40} loss\))?"
)
ODD_ENDS = (b"nan", b"inf", b")", b"NAN", b"INF", b"IND")
"""Endings of the debug_info lines that are parsed: a value that is not finite, or the norms."""
FIRST_OUTPUT = b"rain net output #0: "
WEIGHT, WEIGHT_1 = b" (* ", b" (* 1 = "
"""How a loss weight begins, and the usual weight 1. A single loss with that weight only repeats the loss of the run."""
ODD_BEGINNINGS = (b" ", b"[", *(b"%d" % digit for digit in range(10)))
"""First bytes of lines that may be in another form than Caffe's own."""
FILES = frozenset(
    b"caffe.cpp solver.cpp sgd_solver.cpp net.cpp layer_factory.hpp upgrade_proto.cpp data_layer.cpp common.cpp "
    b"internal_thread.cpp blocking_queue.cpp db_lmdb.cpp db_leveldb.cpp hdf5_data_layer.cpp image_data_layer.cpp "
    b"data_transformer.cpp syncedmem.cpp blob.cpp io.cpp hdf5.cpp parallel.cpp convert_imageset.cpp benchmark.cpp "
    b"compute_image_mean.cpp extract_features.cpp finetune_net.cpp train_net.cpp test_net.cpp".split()
)
"""Source files of Caffe that log at the start of a run, before the first message that MESSAGES lists."""


def number(text: bytes) -> float:
    """Return the number that a C++ stream printed; Windows writes 1.#QNAN, -1.#IND and 1.#INF. Raises ValueError."""
    if b"#" in text:
        return float("nan" if b"#INF" not in text else "-inf" if text.startswith(b"-") else "inf")
    return float(text)


class Parser:
    """A parser of one log's lines, which it takes in order. `recognised` is whether any of them was Caffe's."""

    def __init__(self) -> None:
        self.recognised = False
        self.lines = 0
        self.thread = b""
        self.out: list[Event] = []
        self.opening = b""
        self.before: bytes | None = None
        self._in_section = False
        self._first_output = b""

    def events(self, lines: Sequence[bytes]) -> list[Event]:
        """Return the events of the next lines."""
        self.out = []
        for line_number, line in enumerate(lines, self.lines + 1):
            if b"ward] L" in line:
                if line.endswith(ODD_ENDS) or self.opening in line:
                    self.before = lines[line_number - self.lines - 2] if line_number - self.lines > 1 else None
                    self._read_line(line_number, line)
            elif FIRST_OUTPUT in line and (WEIGHT not in line or WEIGHT_1 in line):
                self._first_output, self._in_section = line, False
            elif (match := USUAL.match(line)) is not None and self._read_usual(line_number, line, match):
                continue
            else:
                self._read_line(line_number, line)
        self.lines += len(lines)
        return self.out

    def _read_usual(self, line_number: int, line: bytes, match: re.Match[bytes]) -> bool:
        """Read a USUAL line, of which most of a log without debug_info consists; return whether it was one."""
        thread, iteration, what, text = match.groups()
        try:
            value = float(text)
        except ValueError:
            return False
        if what.endswith(b", loss"):
            event: Event = Display(line_number, line, thread, int(iteration), value, b"(" in what)
        elif what == b", lr":
            event = Rate(line_number, line, thread, int(iteration), value)
        else:
            return False
        self.recognised, self._in_section, self.opening, self.thread = True, False, b"", thread
        self.out.append(event)
        return True

    def _read_line(self, line_number: int, line: bytes) -> None:
        if line[:1] in b"IWEF" and line[1:5].isdigit():
            offset = message_start(line, line.find(b"] ", 20, 300) + 2)
            reader = _read_debug if line[offset : offset + 5] == b"    [" else MESSAGES.get(line[offset : offset + 5])
            self._in_section = False
            if reader is not None or not self.recognised or line[:1] == b"F":
                self._read_prefixed(line_number, line, offset, reader)
        elif line[:1] in ODD_BEGINNINGS and (plain := usual_form(line)) is not line:
            self._read_line(line_number, plain)
        elif self._in_section or line[:5] in BARE or b"pp:" in line[:300]:
            self._read_bare(line_number, line)

    def last(self, line: bytes) -> list[Event]:
        """Return the events of a line that may have been cut: its numbers count only if it ends in nan or inf."""
        events = self.events([line])
        is_complete = line.endswith((b"nan", b"inf"))
        return [it for it in events if is_complete or isinstance(it, Fatal | Notice | Section)]

    def _read_prefixed(self, line_number: int, line: bytes, offset: int, reader: MessageReader | None) -> None:
        """Read a line with a glog prefix; `reader` is None if no table has its message."""
        prefix = PREFIX.match(line)
        if prefix is None:
            self._read_torn(line_number, line, 1)
            return
        self.thread = prefix[1]
        if line[:1] == b"F":
            self.recognised = True
            self.out.append(Fatal(line_number, line[:TEXT], self.thread))
        elif reader is not None:
            self.recognised = True
            if not self._try_reader(line_number, line, offset, reader):
                self._read_torn(line_number, line, offset)
        elif prefix[2] in FILES:
            self.recognised = True

    def _try_reader(self, line_number: int, line: bytes, offset: int, reader: MessageReader) -> bool:
        try:
            return reader(self, line_number, line, offset)
        except ValueError:
            return False

    def _read_bare(self, line_number: int, line: bytes) -> None:
        """Read a line that does not begin with a glog prefix."""
        reader = BARE.get(line[:5])
        if reader is not None and self._try_reader(line_number, line, 0, reader):
            self.recognised = self.recognised or reader not in (_read_notice, _read_fatal)
            self._in_section = reader is _read_initial
        elif self._in_section:
            self.out.append(Field(line_number, line, self.thread))
        else:
            self._read_torn(line_number, line, 0)

    def _read_torn(self, line_number: int, line: bytes, since: int) -> None:
        """Read the messages that other processes wrote into a line, each behind a glog prefix of its own."""
        starts = [match.start() for match in PREFIX.finditer(line, since)]
        for start, stop in zip(starts, [*starts, len(line)][1:], strict=True):
            piece = line[start:stop]
            prefix = PREFIX.match(piece)
            if prefix is None:
                continue
            self.thread, self._in_section = prefix[1], False
            offset = message_start(piece, prefix.end())
            reader = _read_debug if piece[offset : offset + 5] == b"    [" else MESSAGES.get(piece[offset : offset + 5])
            if piece[:1] == b"F":
                self.out.append(Fatal(line_number, piece[:TEXT], self.thread))
            if piece[:1] == b"F" or (reader is not None and self._try_reader(line_number, piece, offset, reader)):
                self.recognised = True

    def first_output(self) -> bytes:
        """Return the line with the training net's first output, once. Without a second one it only repeats the loss."""
        first, self._first_output = self._first_output, b""
        return first

    def section(self, line_number: int, line: bytes, what: bytes) -> None:
        """Begin a section of protobuf text."""
        self._in_section = True
        self.out.append(Section(line_number, line[:TEXT], self.thread, what))


MessageReader = Callable[[Parser, int, bytes, int], bool]
"""A function that reads a line's message from an offset on, and returns whether it has the expected form."""


def _read_iteration(parser: Parser, line_number: int, line: bytes, offset: int) -> bool:
    match = ITERATION.match(line, offset)
    if match is None:
        return False
    iteration, rate, what, value, _ = match.groups()
    parser.opening = b""
    if what == b"loss":
        event: Event = Display(line_number, line[:TEXT], parser.thread, int(iteration), number(value), rate is not None)
    elif what == b"lr":
        event = Rate(line_number, line[:TEXT], parser.thread, int(iteration), number(value))
    else:
        event = Testing(line_number, line[:TEXT], parser.thread, int(iteration))
    parser.out.append(event)
    return True


def _read_batch(parser: Parser, line_number: int, line: bytes, offset: int) -> bool:
    match = BATCH.match(line, offset)
    if match is not None:
        value = number(match[3])
        parser.out.append(Batch(line_number, line[:TEXT], parser.thread, int(match[1]), match[2], value))
    return match is not None


def _read_initial(parser: Parser, line_number: int, line: bytes, offset: int) -> bool:
    """Read `Initializing solver from ...`, `Initializing net from ...`, or `Initial loss: v`."""
    if line.startswith((b"Initializing solver from", b"Initializing net from"), offset):
        return _read_section(parser, line_number, line, offset)
    match = INITIAL.match(line, offset)
    if match is not None:
        parser.out.append(Batch(line_number, line[:TEXT], parser.thread, 0, b"loss", number(match[1])))
    return match is not None


def _read_section(parser: Parser, line_number: int, line: bytes, offset: int) -> bool:
    parser.section(line_number, line, line[offset:].split(None, 2)[1])
    return True


def _read_output(parser: Parser, line_number: int, line: bytes, offset: int) -> bool:
    if not line.startswith((b"    Train net output #", b"    Test net output #"), offset):
        return False
    first = parser.first_output()
    if first and line.startswith(b"    Train", offset):
        parser.out.append(Output(line_number - 1, first[:TEXT], parser.thread, False))
    parser.out.append(Output(line_number, line[:TEXT], parser.thread, line.startswith(b"    Te", offset)))
    return True


def _read_clipping(parser: Parser, line_number: int, line: bytes, offset: int) -> bool:
    match = CLIPPING.match(line, offset)
    if match is not None:
        parser.out.append(Clipping(line_number, line[:TEXT], parser.thread, number(match[1]), number(match[2])))
    return match is not None


def _read_debug(parser: Parser, line_number: int, line: bytes, offset: int) -> bool:
    if line.startswith(b"    [Forward]", offset) and parser.opening in line:
        parser.opening = line[offset : line.find(b" data: ", offset) + 7] if b" data: " in line else b"\n"
        parser.out.append(Pass(line_number, line[:TEXT], parser.thread))
    if not line.endswith(ODD_ENDS) and not line.startswith(b"    [Update]", offset):
        return True
    match = DEBUG.match(line, offset)
    if match is not None:
        step, layer, what, name = (text.decode("utf-8", "replace") for text in match.groups()[:4])
        for value in map(number, filter(None, match.groups()[4:])):
            if not isfinite(value):
                bad_value = BadValue(line_number, line[:TEXT], parser.thread, step, layer, what, name, value, None)
                bad_value.before = None if parser.before is None else parser.before[:TEXT]
                parser.out.append(bad_value)
                break
        return True
    match = NORMS.match(line, offset)
    if match is not None:
        data_l1, diff_l1, data_l2, diff_l2 = map(number, match.groups())
        parser.out.append(Norms(line_number, line[:TEXT], parser.thread, data_l1, diff_l1, data_l2, diff_l2))
    return match is not None


def _read_notice(parser: Parser, line_number: int, line: bytes, offset: int) -> bool:
    parser.out.append(Notice(line_number, line[:TEXT], parser.thread, line[offset : offset + 5]))
    return True


def _read_fatal(parser: Parser, line_number: int, line: bytes, offset: int) -> bool:
    if not line.startswith(DEATHS, offset):
        return False
    parser.out.append(Fatal(line_number, line[:TEXT], parser.thread))
    return True


DEATHS = (
    b"*** SIG",
    b"terminate called",
    b"Segmentation fault",
    b"Bus error",
    b"Killed",
    b"Aborted (core dumped)",
    b"Floating point exception",
)
MESSAGES: dict[bytes, MessageReader] = {
    b"Itera": _read_iteration,
    b"Batch": _read_batch,
    b"    T": _read_output,
    b"Gradi": _read_clipping,
    b"Initi": _read_initial,
    b"Optim": _read_notice,
    b"Snaps": _read_notice,
    b"Resto": _read_notice,
    b"Creat": _read_notice,
    b"Could": _read_notice,
    b"Loss:": _read_notice,
}
"""The functions that read a message, by its first five bytes."""
BARE: dict[bytes, MessageReader] = {
    **MESSAGES,
    b"    [": _read_debug,
    b"*** S": _read_fatal,
    b"termi": _read_fatal,
    b"Segme": _read_fatal,
    b"Bus e": _read_fatal,
    b"Kille": _read_fatal,
    b"Abort": _read_fatal,
    b"Float": _read_fatal,
}
"""The same for lines without a prefix, which include those that the system writes when a process dies."""

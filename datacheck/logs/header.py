"""Parse the solver and the networks that Caffe repeats at the head of a run as text after "Initializing ...".

The text is in protobuf's TextFormat. Solver fields stand at the left margin, the fields of a net's layers are indented
by two blanks, and those of the layers' parameters by four.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

FIELD = re.compile(rb'( {0,8})([a-z_]{1,64}): (?:"([^"]{0,4096})"|([^\s"]{1,64}))\s*$')
MOST = 4096
"""Maximum number of names of one kind that are kept, so that no log can fill the memory."""
TRAIN, TEST = "TRAIN", "TEST"


@dataclass
class Header:
    """The fields of a run's solver, and those of its networks that a diagnosis needs.

    `sources` and `batches` are by phase. `layers` has the type of each layer by phase and name, or "" where several
    networks of a phase differ. `widths` are all values of `num_output`; the number of classes is one of them.
    """

    solver: dict[str, str] = field(default_factory=dict)
    net: str | None = None
    sources: dict[str, list[str]] = field(default_factory=dict)
    batches: dict[str, list[int]] = field(default_factory=dict)
    layers: dict[tuple[str, str], str] = field(default_factory=dict)
    widths: set[int] = field(default_factory=set)
    _phase: str = TRAIN
    _name: str = ""
    _in_net: bool = False

    def begin(self, what: bytes) -> None:
        """Begin a section of the head; `what` is the word after "Initializing"."""
        self._in_net = what == b"net"

    def read(self, line: bytes) -> None:
        """Read one line of a section."""
        match = FIELD.match(line)
        if match is None:
            return
        indent, name = len(match[1]), match[2].decode("ascii")
        value = (match[4] if match[3] is None else match[3]).decode("utf-8", "replace")
        if not self._in_net:
            if indent == 0 and len(self.solver) < MOST:
                self.solver.setdefault(name, value)
                self.net = value if name in ("net", "train_net") else self.net
            return
        self._read_net(indent, name, value)

    def _read_net(self, indent: int, name: str, value: str) -> None:
        if indent == 2 and name == "phase":
            self._phase = value
        elif indent == 2 and name == "name":
            self._name = value
        elif indent == 2 and name == "type" and len(self.layers) < MOST:
            layer = self._phase, self._name
            self.layers[layer] = value if self.layers.get(layer, value) == value else ""
        elif name == "source" and len(self.sources.setdefault(self._phase, [])) < MOST:
            if value not in self.sources[self._phase]:
                self.sources[self._phase].append(value)
        elif name in ("batch_size", "num_output") and value.isdecimal() and 0 < int(value) < 1 << 31:
            if name == "num_output" and len(self.widths) < MOST:
                self.widths.add(int(value))
            elif name == "batch_size" and len(self.batches.setdefault(self._phase, [])) < MOST:
                self.batches[self._phase].append(int(value))

    def type_of(self, layer: str, phase: str) -> str:
        """Return the type of a layer in a phase, or in the other phase if this one does not have the layer, or ""."""
        other = TEST if phase == TRAIN else TRAIN
        return self.layers.get((phase, layer), self.layers.get((other, layer), ""))

    def number(self, name: str) -> float | None:
        """Return the solver's field of that name as a number, or None if it is missing or not a number."""
        try:
            return float(self.solver[name])
        except (KeyError, ValueError):
            return None

"""The tree that one record holds, as a parser of any format gives it: containers, and what lies in them.

A parser imports nothing that its input names, calls nothing of it and hashes none of its keys: containers are our own
classes, so that unhashable and duplicate keys, cycles and shared parts stay what they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from datacheck.model.finding import Finding

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Items(msgspec.Struct, eq=False):
    """A list, a tuple or a set: its items in order. May hold itself. `kind` says which, "" where it is a list."""

    items: list[Node] = msgspec.field(default_factory=list)
    kind: str = ""


class Keyed(msgspec.Struct, eq=False):
    """A mapping, or the attributes of an object: pairs of key and value in order, duplicate keys and all.

    `kind` is the class's dotted name where it is an object ("torch_geometric.data.data.Data"), else "". `items` is what
    an object was made of beside that, without a name: the arguments of its class, what was appended to it. `mapping` is
    the class of a mapping that is no dict, "OrderedDict" or, with what it makes of a key it lacks, "defaultdict list".
    """

    pairs: list[tuple[Node, Node]] = msgspec.field(default_factory=list)
    kind: str = ""
    items: list[Node] = msgspec.field(default_factory=list)
    mapping: str = ""


class Opaque(msgspec.Struct, eq=False):
    """Something that is there and cannot be seen: an instance whose state the format does not tell, a function."""

    kind: str


class Run(msgspec.Struct, eq=False):
    """Numbers that lie side by side among the items of a list: a one-dimensional array that stands for as many."""

    values: NDArray[Any]


class Widened(msgspec.Struct, eq=False):
    """An array of a dtype that NumPy does not have ("bfloat16"): its values as NumPy can hold them."""

    values: NDArray[Any]
    dtype: str


class Flawed(msgspec.Struct, eq=False):
    """A part that is broken, where the rest of the record can be read: the code and the message of its finding."""

    code: str
    message: str


class Box(msgspec.Struct, eq=False):
    """A part that others refer to before it is known what it is: it stands for what is in it by the end."""

    node: Node = None


Number: TypeAlias = "bool | int | float | complex"
Bytes: TypeAlias = "bytes | memoryview"
Unboxed: TypeAlias = "Items | Keyed | Opaque | Run | Widened | Flawed | NDArray[Any] | Number | str | Bytes | None"
Node: TypeAlias = "Unboxed | Box"
"""Arrays are views of the record where they can be, of the dtype and byte order that is stored."""


class Parsed(msgspec.Struct, frozen=True):
    """What a parser made of one record: its tree as far as it was read, and what is wrong with the bytes.

    `classes` are the dotted names of the classes that the record names, for the profile.
    """

    tree: Node
    findings: Sequence[Finding] = ()
    classes: frozenset[str] = frozenset()

"""The tree of one record, as returned by the parsers of all formats: containers and their contents.

Parsers do not import or call anything that their input names, and do not hash its keys. Containers are classes of this
module, so unhashable and duplicate keys, cycles and shared parts are preserved.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from datacheck.model.finding import Finding

if TYPE_CHECKING:
    from numpy.typing import NDArray


ARRAY, STREAM = "ndarray", "stream"


class Items(msgspec.Struct, eq=False):
    """A list, tuple, set or array of objects: its items in order. It may contain itself.

    `kind` names the type: "" for a list, ARRAY for an array, whose shape is not kept, and STREAM for what lies behind
    each other in one value, which is never an array.
    """

    items: list[Node] = msgspec.field(default_factory=list)
    kind: str = ""


class Keyed(msgspec.Struct, eq=False):
    """A mapping, or the attributes of an object: pairs of key and value in order, including duplicate keys.

    `kind` is the dotted name of an object's class ("torch_geometric.data.data.Data"), or "" for a mapping. `items` are
    the other, unnamed parts of an object: the arguments of its class, and what was appended to it. `mapping` is the
    class of a mapping other than dict, "OrderedDict" or, with the factory of its missing values, "defaultdict list".
    """

    pairs: list[tuple[Node, Node]] = msgspec.field(default_factory=list)
    kind: str = ""
    items: list[Node] = msgspec.field(default_factory=list)
    mapping: str = ""


class Opaque(msgspec.Struct, eq=False):
    """Something that cannot be examined: an instance whose state is not in the format, or a function."""

    kind: str


class Run(msgspec.Struct, eq=False):
    """Consecutive numbers among the items of a list: a one-dimensional array that stands for as many items."""

    values: NDArray[Any]


class Widened(msgspec.Struct, eq=False):
    """An array of a dtype that NumPy does not have ("bfloat16"), with its values in a dtype that NumPy has."""

    values: NDArray[Any]
    dtype: str


class Flawed(msgspec.Struct, eq=False):
    """A broken part in a record that is readable otherwise: the code and message of its finding."""

    code: str
    message: str


class Box(msgspec.Struct, eq=False):
    """A part that is referred to before it is known; it stands for its final content."""

    node: Node = None


Number: TypeAlias = "bool | int | float | complex"
Bytes: TypeAlias = "bytes | memoryview"
Unboxed: TypeAlias = "Items | Keyed | Opaque | Run | Widened | Flawed | NDArray[Any] | Number | str | Bytes | None"
Node: TypeAlias = "Unboxed | Box"
"""Arrays are views of the record if possible, with the stored dtype and byte order."""


class Parsed(msgspec.Struct, frozen=True):
    """A parser's result for one record: the tree as far as it was read, and findings about the bytes.

    `classes` are the dotted names of the classes that the record names, for the profile.
    """

    tree: Node
    findings: Sequence[Finding] = ()
    classes: frozenset[str] = frozenset()

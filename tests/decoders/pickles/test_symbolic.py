"""Test that the symbolic machine gives what `pickle.loads` gives, for random trees and every protocol."""

import collections
import datetime
import decimal
import math
import pickle
import random

import numpy as np
import pytest

from datacheck.decoders.pickles.decoder import PickleDecoder
from datacheck.decoders.trees.leaves import unboxed
from datacheck.decoders.trees.tree import Items, Keyed, Opaque, Run

DTYPES = ["f4", "f8", "f2", ">f4", ">i2", "i8", "u1", "?", "c8", "c16", "i4", "u2", "S3", "U2", "M8[s]", "g"]
STRUCTURED = [
    [("a", "f4"), ("b", ">i2", (2,))],
    [("x", [("y", "u1"), ("z", "f8")]), ("t", "S2")],
    np.dtype({"names": ["p", "q"], "formats": ["i4", "f4"], "offsets": [4, 12], "itemsize": 20}),
]


FLOATS = [0.0, -0.0, 1.0, -1.5, 0.1, 5e-324, 1e308, math.inf, -math.inf, math.nan]
LETTERS = "aZ09 _\n\0\x7f\x80é€😀"


def array(chance):
    numbers = np.random.default_rng(chance.getrandbits(30))
    shape = tuple(chance.randint(0, 4) for _ in range(chance.randint(0, 4)))
    dtype = np.dtype(chance.choice([*DTYPES, *STRUCTURED]))
    made = np.zeros(shape, dtype)
    if dtype.kind in "fcgiub?":
        made[...] = numbers.normal(scale=50, size=shape).astype(dtype)
    how = chance.choice(["C", "F", "transposed", "sliced"])
    if how == "F":
        return np.asfortranarray(made)
    if how == "transposed":
        return made.transpose(numbers.permutation(made.ndim))
    return made[..., ::2] if how == "sliced" and made.ndim else made


def objects(several):
    made = np.empty(len(several), object)
    for at, it in enumerate(several):
        made[at] = it
    return made


def number(chance):
    return chance.choice([
        chance.randint(-5, 300),
        (-1) ** chance.getrandbits(1) * chance.getrandbits(chance.choice([8, 31, 32, 63, 64, 300])),
        chance.choice(FLOATS),
        chance.gauss(0, 1e3),
        chance.random() < 0.5,
        complex(chance.gauss(0, 1), chance.choice([0.0, 2.5])),
    ])  # fmt: skip


def text(chance, most):
    return "".join(chance.choices(LETTERS, k=chance.randint(0, most)))


def leaf(chance):
    kind = chance.randrange(9)
    if kind < 2:
        return number(chance)
    if kind < 4:
        return array(chance)
    return (
        lambda: chance.choice([None, np.float32(chance.gauss(0, 9)), np.uint8(chance.getrandbits(8))]),
        lambda: text(chance, 20),
        lambda: chance.randbytes(chance.choice([0, 1, 20, 255, 256, 300])),
        lambda: bytearray(chance.randbytes(chance.randint(0, 20))),
        lambda: [chance.choice([*FLOATS, chance.gauss(0, 1)]) for _ in range(chance.randint(5, 30))],
    )[kind - 4]()


def name(chance):
    return chance.choice([
        text(chance, 8), chance.randint(-300, 70_000), chance.randbytes(3), (text(chance, 3), chance.randint(0, 9))
    ])  # fmt: skip


def tree(chance, depth=0):
    kind = chance.randrange(10)
    if depth > 3 or kind < (1 if depth == 0 else 4):
        return leaf(chance)
    if kind == 8:
        return set(chance.choices([1, 2, 99, "", "a", "bc"], k=chance.randint(0, 5)))
    if kind == 9:
        return frozenset(chance.choices(range(10), k=chance.randint(0, 3)))
    inner = [tree(chance, depth + 1) for _ in range(chance.randint(0, 4))]
    named = {name(chance): it for it in inner}
    return (
        lambda: inner,
        lambda: tuple(inner),
        lambda: named,
        lambda: collections.OrderedDict(named),
        lambda: [*inner[:1], *inner],  # the same object twice
        lambda: objects(inner),
    )[chance.randrange(6)]()


def flat(items):
    """Return the items of a list, with its runs expanded to numbers."""
    return [one for it in items for one in (it.values.tolist() if isinstance(it, Run) else [it])]


def same(node, value):
    """Check whether a node stands for a value."""
    node = unboxed(node)
    if isinstance(value, np.ndarray) and value.dtype.hasobject:
        return isinstance(node, Items) and all(map(same, flat(node.items), value.reshape(-1).tolist()))
    if isinstance(value, (np.ndarray, np.generic)):
        value = np.asarray(value)
        order = value.dtype.byteorder  # pickle may swap the bytes; the node is a view of them
        if value.dtype.names is not None:  # the padding between members may be anything
            return node.dtype == value.dtype and np.array_equal(node, value)
        native = node.astype(node.dtype.newbyteorder(order))
        return (native.dtype, node.shape, native.tobytes()) == (value.dtype, value.shape, value.tobytes())
    if isinstance(value, dict):
        pairs = node.pairs
        whole = [it for pair in pairs for it in pair]
        return isinstance(node, Keyed) and len(pairs) == len(value) and all(
            map(same, whole, [it for pair in value.items() for it in pair])
        )  # fmt: skip
    if isinstance(value, (list, tuple)):
        items = flat(node.items)
        return len(items) == len(value) and all(map(same, items, value))
    if isinstance(value, (set, frozenset)):
        return isinstance(node, Items) and len(node.items) == len(value) and set(node.items) == value
    if isinstance(value, (bytes, bytearray)):
        return isinstance(node, (bytes, memoryview)) and bytes(node) == bytes(value)
    if isinstance(value, float) and math.isnan(value):
        return isinstance(node, float) and math.isnan(node)
    return type(node) is type(value) and node == value


@pytest.mark.parametrize("seed", range(20))
def test_random_trees_are_what_pickle_makes_of_them(seed):
    chance = random.Random(seed)
    for protocol in 5 * list(range(6)):
        thing = tree(chance)
        raw = pickle.dumps(thing, protocol)
        parsed = PickleDecoder().parse(raw)
        assert not parsed.findings
        assert same(parsed.tree, pickle.loads(raw))
        assert PickleDecoder().knows(raw) or len(raw) < 4
        views = PickleDecoder().parse(memoryview(raw))
        assert same(views.tree, thing)


@pytest.mark.parametrize("protocol", range(6))
def test_every_tree_that_is_cut_is_truncated(protocol):
    thing = {
        "x": np.arange(6.0).reshape(2, 3),
        "l": [1.5] * 20,
        "s": "text",
        "b": b"\xff" * 5,
        "i": 1 << 70,
        "t": (1, 2),
    }
    raw = pickle.dumps([thing, thing], protocol)
    for at in range(1, len(raw)):
        (finding,) = PickleDecoder().parse(raw[:at]).findings
        assert finding.code == "truncated", at


class Mine:
    def __init__(self):
        self.x = np.arange(3.0)
        self.name = "mine"


class Slotted:
    __slots__ = ("y",)


class Listing(list):
    pass


class Mapping(dict):
    pass


Pair = collections.namedtuple("Pair", "a b")


@pytest.mark.parametrize("protocol", range(6))
def test_objects_are_seen_by_class_and_state(protocol):
    mine, listing, mapping = Mine(), Listing([1, 2]), Mapping(k=3)
    listing.more = 4
    mapping.more = 5
    made = [mine, Pair(1, np.ones(2)), listing, mapping]
    tree = PickleDecoder().parse(pickle.dumps(made, protocol)).tree
    kinds = [it.kind for it in tree.items]
    assert kinds == [f"{__name__}.{name}" for name in ("Mine", "Pair", "Listing", "Mapping")]
    assert same(Keyed(tree.items[0].pairs), vars(mine))
    assert same(Items(tree.items[1].items), (1, np.ones(2)))
    assert flat(tree.items[2].items) == [1, 2]
    assert ("more", 4) in tree.items[2].pairs
    assert {("k", 3), ("more", 5)} == set(tree.items[3].pairs)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_slots_are_attributes_too(protocol):
    slotted = Slotted()
    slotted.y = 7
    assert PickleDecoder().parse(pickle.dumps(slotted, protocol)).tree.pairs == [("y", 7)]


@pytest.mark.parametrize("protocol", range(6))
def test_what_the_standard_library_has(protocol):
    things = [
        decimal.Decimal("1.5"),
        collections.defaultdict(list, {1: [2]}),
        collections.Counter("aab"),
        collections.deque([1, 2]),
        datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
        np.ma.masked_array([1.0, np.nan, 3.0], [0, 1, 0]),
    ]
    parsed = PickleDecoder().parse(pickle.dumps(things, protocol))
    assert not parsed.findings
    number, default, counter, queue, date, masked = parsed.tree.items
    assert number == 1.5
    assert same(default, {1: [2]})
    assert same(counter, {"a": 2, "b": 1})
    assert queue.items == [1, 2]
    assert date.kind == "datetime.datetime"
    assert unboxed(masked).tolist() == [1.0, 1.0, 3.0]
    assert "datetime.datetime" in parsed.classes


def test_a_list_that_holds_itself():
    ring = [1]
    ring.append(ring)
    for protocol in range(6):
        tree = PickleDecoder().parse(pickle.dumps(ring, protocol)).tree
        assert tree.items[1] is tree


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"(dp0\nS'a'\np1\nI01\nsS'b'\np2\nL5L\nsS'c'\nF1.5\ns.", {b"a": True, b"b": 5, b"c": 1.5}),
        (b"\x80\x02U\x03\xff\x00a.", b"\xff\x00a"),
        (b"\x80\x02T\x02\x00\x00\x00ab.", b"ab"),
        (b"Vgr\\u00fc\xdfe\n.", "grüße"),
        (b"S'it\\'s \\x41'\n.", b"it's A"),
        (b'S"a"\n.', b"a"),
        (b"I00\n.", False),
        (b"(lp0\nI1\naI2\na.", [1, 2]),
        (b"(I1\nI2\nd.", {1: 2}),
        (b"(I1\nI2\nt.", (1, 2)),
        (b"I1\n0I2\n.", 2),
        (b"I2\n(I1\nI1\n1.", 2),
        (b"]I1\n2\x86.", None),
    ],
)
def test_what_older_pythons_wrote(raw, value):
    parsed = PickleDecoder().parse(raw)
    if value is None:
        assert flat(parsed.tree.items) == [1, 1]
        return
    assert not parsed.findings
    assert same(parsed.tree, value)


def test_an_array_of_python_2():
    raw = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I2\ntcnumpy\ndtype\n(S'f4'\nI0\nI1\n"
        b"tR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\nS'\\x00\\x00\\x80?\\x00\\x00\\x00@'\ntb."
    )
    tree = unboxed(PickleDecoder().parse(raw).tree)
    assert (tree.dtype, tree.tolist()) == (np.dtype("f4"), [1.0, 2.0])


def test_out_of_band_buffers_and_unknown_ids_are_not_guessed():
    buffers = []
    raw = pickle.dumps({"x": np.arange(3.0)}, 5, buffer_callback=buffers.append)
    for cannot in (raw, b"\x80\x02K\x01Q."):
        assert [(it.code, it.verdict) for it in PickleDecoder().read(cannot, None).findings] == [
            ("unknown-payload", "unverifiable")
        ]
    assert isinstance(PickleDecoder().parse(b"\x80\x02\x82\x07.").tree, Opaque)


def test_dtypes_that_numpy_refuses_are_broken_and_those_of_others_are_unknown():
    sound = pickle.dumps(np.arange(3.0), 3)
    for broken in (
        sound.replace(b"f8", b"d4"),
        sound.replace(b"(K\x03X\x01\0\0\0<", b"(K\x09X\x01\0\0\0<"),
        sound.replace(b"X\x01\0\0\0<", b"X\x01\0\0\0!"),
        sound.replace(b"NNNJ", b"NN)J"),
        sound.replace(b"X\x02\0\0\0f8", b"X\x02\0\0\0O8"),
    ):
        assert broken != sound
        assert [it.code for it in PickleDecoder().read(broken, None).findings] == ["undecodable"]
    strange = sound.replace(b"X\x02\0\0\0f8", b"cmine\nfloat24\n")
    assert [it.code for it in PickleDecoder().read(strange, None).findings] == ["unknown-payload"]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "truncated"),
        (bytes(50), "undecodable"),
        (b"\x80\x06.", "unknown-payload"),
        (b"\x80\x04.", "undecodable"),
        (b"\x80\x04(.", "undecodable"),
        (b"\x80\x04K\x01K\x02a.", "undecodable"),
        (b"\x80\x04}K\x01u.", "undecodable"),
        (b"\x80\x04}(K\x01u.", "undecodable"),
        (b"\x80\x04K\x01(K\x02\x86.", "undecodable"),
        (b"\x80\x04h\x05.", "undecodable"),
        (b"\x80\x04K\x01K\x02\x93.", "undecodable"),
        (b"\x80\x04K\x01)R.", "undecodable"),
        (b"\x80\x04K\x01)b.", "undecodable"),
        (b"\x80\x04\x8c\x02\xff\xff.", "undecodable"),
        (b"\x80\x04\x8b\xff\xff\xff\xff.", "undecodable"),
        (b"Iabc\n.", "undecodable"),
        (b"Fabc\n.", "undecodable"),
        (b"S'abc\n.", "undecodable"),
        (b"\x80\x02Nr\xff\xff\xff\x7f.", "undecodable"),
        (b"Np4000000000\n.", "undecodable"),
        (b"\x80\x04N.N.", "trailing-data"),
    ],
)
def test_what_is_no_pickle_is_said(raw, code):
    assert [it.code for it in PickleDecoder().parse(raw).findings] == [code]

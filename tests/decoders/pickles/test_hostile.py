"""Test hostile pickles: nothing in them runs, and each ends within bounds, with findings at most."""

import pickle
import random
import struct

import numpy as np
import pytest
from covering import seeds

import datacheck
from datacheck.decoders.pickles.decoder import PickleDecoder
from datacheck.decoders.pickles.machine import CONTAINERS, WORK
from datacheck.decoders.trees.leaves import leaves
from datacheck.model.codes import CODES
from datacheck.testing.decoders import check_finding, write_lmdb


class Calls:
    """An object that is pickled as a call of a function."""

    def __init__(self, function, *arguments):
        self.made = function, arguments

    def __reduce__(self):
        return self.made


def text(word):
    return b"\x8c" + bytes([len(word)]) + word.encode()


def exploits(path):
    """Yield pickles that would create a file if they were unpickled, one for each way to reach a function."""
    command = f"touch {path}"
    line = command.encode()
    arg = text(command) + b"\x85"
    yield "reduce", b"cposix\nsystem\n(S'" + line + b"'\ntR."
    yield "os", b"cos\nsystem\n(S'" + line + b"'\ntR."
    yield "stack global", b"\x80\x04" + text("posix") + text("system") + b"\x93" + arg + b"R."
    yield "nested name", b"\x80\x04" + text("numpy") + text("f2py.os.system") + b"\x93" + arg + b"R."
    yield "inst", b"(S'" + line + b"'\nios\nsystem\n."
    yield "obj", b"(cos\nsystem\nS'" + line + b"'\no."
    yield "newobj", b"\x80\x04" + text("os") + text("system") + b"\x93" + arg + b"\x81."
    yield "newobj_ex", b"\x80\x04" + text("subprocess") + text("Popen") + b"\x93" + arg + b"}\x92."
    yield "eval", b"cbuiltins\neval\n(S'open(\"" + str(path).encode() + b'", "w")\'\ntR.'
    yield "exec", b"c__builtin__\nexec\n(S'open(\"" + str(path).encode() + b'", "w")\'\ntR.'
    yield "getattr", b"cbuiltins\ngetattr\n(cos\npath\nS'join'\ntR."
    yield "popen", pickle.dumps(Calls(__import__("subprocess").Popen, ["touch", str(path)]), 4)
    yield "build", b"cos\nenviron\n(dS'A'\nS'b'\nsb."
    yield (
        "hidden in a tree",
        pickle.dumps({"x": np.arange(3.0), "y": 1, "z": Calls(__import__("os").system, command)}, 4),
    )
    yield "behind a cut", b"cos\nsystem\n(S'" + line + b"'\ntR]"
    yield "put aside", b"cos\nsystem\n(S'" + line + b"'\ntR0N."
    inner = b"cos\nsystem\n(S'" + line + b"'\ntR."
    magic = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e")
    stored = magic + b"I1001\n." + b"}." + inner
    yield "in a storage", b"\x80\x04" + text("torch.storage") + text("_load_from_bytes") + b"\x93B" + struct.pack(
        "<I", len(stored)
    ) + stored + b"\x85R."  # fmt: skip


def test_nothing_that_a_pickle_calls_is_called(tmp_path):
    ran = tmp_path / "ran"
    for name, raw in exploits(ran):
        findings = PickleDecoder().parse(raw).findings
        assert "unsafe-pickle" in {it.code for it in findings}, name
        assert not ran.exists(), name
        for finding in findings:
            check_finding(finding)


def test_a_store_with_an_exploit_is_scanned_shown_and_rebuilt_around(tmp_path):
    from datacheck.model.settings import Settings
    from datacheck.showing.record import show_record

    ran = tmp_path / "ran"
    sound = [pickle.dumps({"x": np.arange(3.0) + at, "y": at}) for at in range(40)]
    bad = dict(exploits(ran))["hidden in a tree"]
    cut = dict(exploits(ran))["behind a cut"]
    path = write_lmdb(tmp_path / "store", [*sound, bad, cut])
    report = datacheck.scan(path, workers=1)
    said = {(it.key, it.code): it.message for it in report.findings}
    assert said["00000040", "unsafe-pickle"].startswith("unpickling this would call posix.system('touch /")
    assert ("00000041", "truncated") in said
    assert {key for key, _ in said} == {"00000040", "00000041"}
    assert "unsafe-pickle" in show_record(str(path), "00000040", Settings()).text
    datacheck.rebuild(path, tmp_path / "copy", workers=1, drop_bad=True)
    assert datacheck.scan(tmp_path / "copy", workers=1).source.records == 41
    assert not ran.exists()


@pytest.mark.parametrize(
    ("module", "name", "unsafe"),
    [
        ("os", "getcwd", True),
        ("nt", "system", True),
        ("sys", "modules", True),
        ("builtins", "open", True),
        ("io", "open", True),
        ("importlib.util", "find_spec", True),
        ("runpy", "run_path", True),
        ("socket", "create_connection", True),
        ("ctypes", "CDLL", True),
        ("builtins", "str.join", True),
        ("collections", "abc.sys.modules", True),
        ("mine", "__class__.mro", True),
        ("mine", "Outer.Inner", False),
        ("os", "stat_result", False),
        ("io", "BytesIO", False),
        ("builtins", "set", False),
        ("oslo", "Thing", False),
        ("osgeo.gdal", "Dataset", False),
        ("codecs", "encode", False),
        ("datetime", "datetime", False),
        ("pathlib", "PosixPath", False),
        ("PIL.Image", "Image", False),
        ("pandas.core.frame", "DataFrame", False),
        ("torch_geometric.data.data", "Data", False),
    ],
)
def test_which_globals_are_unsafe_and_which_are_named(module, name, unsafe):
    parsed = PickleDecoder().parse(b"\x80\x04" + text(module) + text(name) + b"\x93.")
    assert [it.code for it in parsed.findings] == (["unsafe-pickle"] if unsafe else [])
    assert parsed.classes == frozenset() if unsafe or name == "set" else {f"{module}.{name}"}


DEEP = 200_000
BOMBS = {
    "8 MB of }": b"}" * (8 << 20),
    "8 MB of N": b"N" * (8 << 20),
    "8 MB of marks": b"(" * (8 << 20),
    "doubling": b"\x80\x02]" + b"2\x86" * 5000 + b".",
    "doubling, in lists of numbers": b"\x80\x02](K\x01K\x02e" + b"2\x86" * 40 + b".",
    "deep lists": b"]" * DEEP + b"a" * (DEEP - 1) + b".",
    "deep tuples": b"N" + b"\x85" * DEEP + b".",
    "deep boxes": b"\x80\x02" + b"cnumpy.core.multiarray\n_reconstruct\n)R" * 3000 + b"b" * 2999 + b".",
    "a huge memo place": b"\x80\x02Nr\xff\xff\xff\x7f.",
    "a huge length": b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f",
    "a huge frame": b"\x80\x04\x95" + b"\xff" * 8 + b"N.",
    "a long of 2 GB": b"\x80\x02\x8b\xff\xff\xff\x7f\x01.",
    "a long of 1 MB": b"\x80\x02\x8b\0\0\x10\0" + b"\x01" * (1 << 20) + b".",
    "a million digits": b"I" + b"1" * (1 << 20) + b"\n.",
    "many digits": b"I" + b"1" * 4000 + b"\n.",
    "an array of a huge shape": pickle.dumps(np.zeros(3), 3).replace(b"K\x03\x85", b"\x8a\x07" + b"\x7f" * 7 + b"\x85"),
    "a name of 1 MB": b"c" + b"a" * (1 << 20) + b"\nb\n.",
    "a latin-1 bomb": b"\x80\x02c_codecs\nencode\nq\0X\0\0\x10\0" + b"a" * (1 << 20)
    + b"q\x01(" + b"h\0h\x01X\x06\0\0\0latin1\x86R" * 5000 + b"t.",
    "a state for many": b"\x80\x02}(" + b"".join(b"M" + struct.pack("<H", at) + b"N" for at in range(5000)) + b"uq\0("
    + b"ca\nb\n)\x81h\0b" * 5000 + b"t.",
    "many long keys": b"\x80\x02}(" + b"X\xe8\x03\0\0" + b"k" * 1000 + b"N" + b"u.",
    "storages in storages": b"",
}  # fmt: skip


def _nested():
    magic = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e")
    raw = b"N."
    for _ in range(300):
        stored = magic + b"I1001\n.}." + raw
        raw = b"\x80\x04" + text("torch.storage") + text("_load_from_bytes") + b"\x93B" + struct.pack(
            "<I", len(stored)
        ) + stored + b"\x85R."  # fmt: skip
    return raw


BOMBS["storages in storages"] = _nested()


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_end_and_say_one_thing(name):
    raw = BOMBS[name]
    PickleDecoder().knows(raw)
    reading = PickleDecoder().read(raw, None)
    for finding in reading.findings:
        check_finding(finding)
    assert len(reading.findings) <= 2


def test_what_is_beyond_the_bounds_is_unverifiable():
    for raw in (b"\x80\x02" + b"N0" * (WORK // 2 + 1) + b"N.", b"\x80\x02" + b"]0" * (CONTAINERS + 1) + b"N."):
        assert [(it.code, it.verdict) for it in PickleDecoder().parse(raw).findings] == [("too-large", "unverifiable")]


def test_a_large_sound_record_is_within_the_bounds():
    raw = pickle.dumps({"keys": [b"%08d" % at for at in range(200_000)], "floats": [0.5] * 300_000})
    reading = PickleDecoder().read(raw, None)
    assert not reading.findings
    assert {it.name: it.values.shape for it in reading.fields} == {"keys": (0,), "floats": (300_000,)}


def sound():
    """Return pickles of every kind, in every protocol."""
    thing = {
        "x": np.arange(12.0).reshape(3, 4),
        "s": np.zeros(2, [("a", "f4"), ("b", ">i2", 2)]),
        "o": np.array([1, "a", None], object),
        "n": [np.float32(1), 1.5, 3, 1 << 80, True, None, "text", b"\xff\x00bytes"],
        "f": [0.5] * 12,
        "t": (1, (2, (3,))),
        "d": {"k": {1, 2}, b"b": frozenset([3])},
        "e": np.datetime64("2026-01-01"),
    }
    thing["ring"] = thing["n"]
    return [pickle.dumps(thing, protocol) for protocol in range(6)]


def mutated(chance, raw):
    raw = bytearray(raw)
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(raw))
        match chance.randrange(5):
            case 0:
                raw[at] ^= 1 << chance.randrange(8)
            case 1:
                raw[at] = chance.randrange(256)
            case 2:
                del raw[at : at + chance.randrange(1, 9)]
            case 3:
                raw[at:at] = chance.randbytes(chance.randrange(1, 9))
            case _:
                raw[at : at + 4] = chance.choice([b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\xff\xff\xff\xff"])
        raw = raw or bytearray(b".")
    return bytes(raw)


@pytest.mark.parametrize("seed", seeds(5))
def test_mutated_pickles_give_findings_and_nothing_else(seed):
    chance = random.Random(seed)
    originals = sound()
    for number in range(1000):
        raw = mutated(chance, originals[number % len(originals)])
        reading = PickleDecoder().read(raw, None)
        PickleDecoder().knows(raw)
        for finding in reading.findings:
            assert finding.code in CODES
            check_finding(finding)
        assert len(leaves(PickleDecoder().parse(raw).tree).leaves) < 200

"""Test archives of arrays: npz, torch.save and safetensors, sound ones and ones with one thing broken."""

import io
import random
import struct
import zipfile
import zlib

import numpy as np
import pytest
from archive_building import NAMES, npz, safetensors, safetensors_of, torch_pickle, torch_save, zipped
from building import floats, npy

from datacheck.decoders import decoder
from datacheck.decoders.archives import zip_members


def read(name, value):
    return decoder(name).read(value, None)


def fields(name, value):
    reading = read(name, value)
    assert list(reading.findings) == []
    return {it.name: (it.values.dtype.str, it.values.tolist()) for it in reading.fields}


def codes(name, value):
    return [it.code for it in read(name, value).findings]


ARRAYS = {"features": floats(1, (10, 16)).astype("<f2"), "conf": floats(2, (10,)), "ids": np.arange(3)}


@pytest.mark.parametrize("compressed", [False, True])
def test_the_arrays_of_an_npz(compressed):
    value = npz(compressed, **ARRAYS, flags=np.array([True, False]))
    assert decoder("npz").knows(value)
    for it in (value, memoryview(value)):
        read_ = fields("npz", it)
        assert read_["features"] == ("<f2", ARRAYS["features"].tolist())
        assert read_["flags"] == ("|u1", [1, 0])
        assert list(read_) == ["features", "conf", "ids", "flags"]


def test_the_option_that_older_numpy_kept_is_no_field():
    for array, names in (
        (np.array(True), ["a"]),
        (np.array([1.5]), ["a", "allow_pickle"]),
        (np.array(1.5), ["a", "allow_pickle"]),
    ):
        value = zipped({"a.npy": npy(np.arange(3)), "allow_pickle.npy": npy(array)})
        assert list(fields("npz", value)) == names


class Called:
    def __reduce__(self):
        return open, ("/dev/null",)


def test_an_array_of_objects_is_walked_and_never_loaded():
    assert codes("npz", npz(a=np.array([{}, 1], object))) == []
    assert codes("npz", npz(a=np.array([{}, Called()], object))) == ["unsafe-pickle"]


@pytest.mark.parametrize("name", ["npz", "torch", "safetensors"])
def test_an_archive_cut_anywhere_is_truncated(name):
    value = {"npz": npz(**ARRAYS), "torch": torch_save(ARRAYS), "safetensors": safetensors(ARRAYS, {**NAMES})}[name]
    for at in {*range(40, len(value), 31), len(value) - 1}:
        assert codes(name, value[:at]) == ["truncated"], at


@pytest.mark.parametrize("name", ["npz", "torch"])
def test_every_flipped_bit_of_an_archive_is_found(name):
    value = npz(**ARRAYS) if name == "npz" else torch_save({**ARRAYS, "y": 3})
    sound = fields(name, value)
    chance = random.Random(14)
    for _ in range(1500):
        changed = bytearray(value)
        changed[chance.randrange(len(value))] ^= 1 << chance.randrange(8)
        reading = read(name, bytes(changed))
        if not any(it.verdict != "suspicious" for it in reading.findings):
            assert {it.name: (it.values.dtype.str, it.values.tolist()) for it in reading.fields} == sound


def test_a_member_whose_checksum_does_not_match_is_named():
    value = bytearray(npz(**ARRAYS))
    value[value.find(ARRAYS["conf"].tobytes()) + 5] ^= 64
    (finding,) = read("npz", bytes(value)).findings
    assert finding.code == "checksum"
    assert '"conf.npy"' in finding.message


def test_bytes_behind_an_archive():
    value = npz(**ARRAYS)
    assert codes("npz", value + b"\0\0\0") == ["trailing-data"]
    assert codes("safetensors", safetensors(ARRAYS) + b"\0") == ["trailing-data"]


def doctored(value, what, by):
    assert what in value
    return value.replace(what, by)


def test_members_that_overlap_or_are_there_twice():
    with pytest.warns(UserWarning, match="Duplicate"):
        file = zip_of([("a.npy", b"1"), ("a.npy", b"2")])
    assert codes("npz", file) == ["undecodable"]
    one = zip_of([("a.npy", bytes(50)), ("b.npy", bytes(50))])
    entry = one.rfind(b"PK\x01\x02")
    moved = bytearray(one)
    moved[entry + 42 : entry + 46] = bytes(4)  # the second entry points to the first member
    assert "undecodable" in codes("npz", bytes(moved))


def zip_of(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


def test_encrypted_members_and_other_methods_are_not_opened():
    for method, flags in ((0, 1), (12, 0), (99, 0)):
        value = bytearray(zip_of([("a.npy", b"abc")]))
        entry = value.rfind(b"PK\x01\x02")
        value[6], value[entry + 8] = flags, flags
        value[8], value[entry + 10] = method, method
        assert codes("npz", bytes(value)) == ["unknown-payload"]


def test_a_bomb_is_not_unpacked(monkeypatch):
    monkeypatch.setattr(zip_members, "UNPACKED", 1 << 20)
    value = npz(True, a=np.zeros(1 << 18, "<f8"))
    (finding,) = read("npz", value).findings
    assert (finding.code, finding.verdict) == ("too-large", "unverifiable")
    many = zipped({f"{at}.npy": bytes(1 << 19) for at in range(6)}, zipfile.ZIP_DEFLATED)
    assert codes("npz", many).count("too-large") == 4


def test_a_member_that_unpacks_to_more_than_it_declares():
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = packed.compress(bytes(1000)) + packed.flush()
    value = bytearray(zipped({"a.npy": bytes(1000)}, zipfile.ZIP_DEFLATED))
    assert data in value
    entry = value.rfind(b"PK\x01\x02")
    value[22:26] = value[entry + 24 : entry + 28] = struct.pack("<I", 900)
    assert codes("npz", bytes(value)) == ["size-mismatch"]


def test_members_with_a_data_descriptor():
    class Pipe(io.BytesIO):
        def seekable(self):
            return False

        def tell(self):
            raise OSError

        def seek(self, *_):
            raise OSError

    file = Pipe()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.npy", npy(np.arange(4.0)))
    assert fields("npz", file.getvalue()) == {"a": ("<f8", [0.0, 1.0, 2.0, 3.0])}


def test_ends_that_lie():
    value = npz(a=np.arange(3))
    end = value.rfind(b"PK\x05\x06")
    for at, by in ((10, b"\xff\xff"), (12, b"\xff\xff\xff\xff"), (16, b"\xff\xff\xff\xff"), (4, b"\1\0"), (8, b"\0\0")):
        changed = bytearray(value)
        changed[end + at : end + at + len(by)] = by
        assert len(codes("npz", bytes(changed))) == 1
    assert codes("npz", b"PK\x03\x04" + b"PK\x05\x06" * 100_000) != []


def test_the_tensors_of_torch_save():
    x = floats(1, (3, 4))
    value = torch_save({"x": x, "t": x.T, "y": 3, "half": ARRAYS["features"]}, root="some_name")
    assert decoder("torch").knows(value)
    read_ = fields("torch", value)
    assert read_["x"] == ("<f4", x.tolist())
    assert read_["y"] == ("<i8", 3)
    assert read_["half"] == ("<f2", ARRAYS["features"].tolist())


def test_bfloat16_and_big_endian_storages():
    bits = np.array([0x3F80, 0x7FC0], "<u2")
    pickled = {"storages": {"<u2": "BFloat16Storage"}}
    values = read("torch", torch_save({"x": bits}, **pickled)).fields[0].values
    assert values[0] == 1.0
    assert np.isnan(values[1])
    assert read("torch", torch_save({"x": floats(1).astype(">f4").view("<f4")}, order=b"big")).fields[
        0
    ].values.tolist() == (floats(1).tolist())


def test_a_storage_that_is_not_there_or_too_short():
    x = floats(1, (3, 4))
    pickled, (raw,) = torch_pickle({"x": x})
    assert codes("torch", zipped({"a/data.pkl": pickled, "a/version": b"3"})) == ["truncated"]
    assert codes("torch", zipped({"a/data.pkl": pickled, "a/data/0": raw[:-4]})) == ["size-mismatch"]
    assert codes("torch", zipped({"a/b": b"", "a/data.pkl": pickled[:-9], "a/data/0": raw})) == ["truncated"]
    assert codes("torch", zipped({"a/version": b"3"})) == ["undecodable"]


def test_a_pickle_in_an_archive_that_runs_commands_is_said():
    pickled = b"\x80\x02cposix\nsystem\nX\x04\0\0\0true\x85R."
    assert "unsafe-pickle" in codes("torch", zipped({"archive/data.pkl": pickled}))


def test_the_tensors_of_safetensors():
    value = safetensors(
        {"vv": floats(1, (8, 8)), "b": np.array([True]), "e": np.zeros((0, 3))}, __metadata__={"a": "b"}
    )
    assert decoder("safetensors").knows(value)
    read_ = fields("safetensors", value)
    assert read_["vv"] == ("<f4", floats(1, (8, 8)).tolist())
    assert read_["b"] == ("|u1", [1])
    assert list(read_) == ["vv", "b", "e"]


def test_bfloat16_and_8_bit_floats_are_judged():
    bits = np.array([0x3F80, 0x7FC0, 0x7F80], "<u2")
    values = read("safetensors", safetensors({"x": bits})).fields[0].values.tolist()
    assert str(values) == "[1.0, nan, inf]"
    for dtype, expected in (("F8_E4M3", "[1.0, nan]"), ("F8_E5M2", "[0.0078125, nan]")):
        value = safetensors({"x": np.array([0x38 if dtype == "F8_E4M3" else 0x20, 0x7F], "u1")}, {"|u1": dtype})
        assert str(read("safetensors", value).fields[0].values.tolist()) == expected


def tensor(dtype="F32", shape=(2,), span=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(span)}


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"a": tensor(), "b": tensor(span=(4, 12))}, "undecodable"),
        ({"a": tensor(), "b": tensor(span=(12, 20))}, "undecodable"),
        ({"a": tensor(span=(4, 12))}, "undecodable"),
        ({"a": tensor(shape=(3,))}, "size-mismatch"),
        ({"a": tensor(shape=(-2,))}, "undecodable"),
        ({"a": tensor(dtype="F99")}, "unknown-payload"),
        ({"a": {"dtype": "F32"}}, "undecodable"),
        ({"a": 5}, "undecodable"),
        (b'{"a": {"dtype": "F32"}', "undecodable"),
        (b'{"a": 1, "a": 2}', "undecodable"),
        ({"a": tensor(span=(0, 1 << 62), shape=(1 << 60,))}, "truncated"),
        (b"[1]", "undecodable"),
    ],
)
def test_headers_of_safetensors_that_lie(header, code):
    assert codes("safetensors", safetensors_of(header, bytes(20)))[0] == code


def test_the_size_of_a_header_that_lies():
    for size in (0, 1, 1 << 20, 1 << 40, (1 << 64) - 1):
        value = struct.pack("<Q", size) + b'{"a": 1}'
        assert len(codes("safetensors", value)) == 1


@pytest.mark.parametrize("name", ["npz", "torch", "safetensors"])
def test_mutations_raise_nothing(name):
    value = {"npz": npz(True, **ARRAYS), "torch": torch_save(ARRAYS), "safetensors": safetensors(ARRAYS)}[name]
    chance = random.Random(16)
    for _ in range(1500):
        changed = bytearray(value[: chance.randrange(1, len(value) + 1)] if chance.random() < 0.2 else value)
        for _ in range(chance.randrange(1, 6)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        decoder(name).knows(changed)
        read(name, bytes(changed))

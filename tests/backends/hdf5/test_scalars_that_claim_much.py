"""A scalar text whose reference claims gigabytes costs no more memory than the file could fill; a long one is sound."""

import resource
import struct

import h5py
import numpy as np
import pytest

import datacheck

COUNT = 30


def write(path, claims=None, at=7):
    """Write a text beside the numbers of each sample; the reference to one of them claims so many bytes."""
    with h5py.File(path, "w") as file:
        for number in range(COUNT):
            file[f"sample{number:02}/x"] = np.random.default_rng(number).normal(size=(5, 4))
            file[f"sample{number:02}/text"] = f"word {number}"
        offset = file[f"sample{at:02}/text"].id.get_offset()
    if claims is not None:
        raw = bytearray(path.read_bytes())
        assert raw[offset : offset + 4] == struct.pack("<I", len(f"word {at}"))  # the length comes first
        raw[offset : offset + 4] = struct.pack("<I", claims)
        path.write_bytes(raw)
    return path


@pytest.mark.own_workers
@pytest.mark.parametrize("claims", [1 << 30, 0xFFFFFFF0])
def test_it_is_bad_alone_and_costs_no_memory(tmp_path, claims):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    report = datacheck.scan(write(tmp_path / "a.h5", claims), workers=1)
    assert [(it.code, it.details["dataset"]) for it in report.findings if it.verdict == "bad"] in (
        [("unreadable", "/sample07/text")],
        [("too-large", "/sample07/text")],
    )
    assert report.complete
    grown = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert grown <= max(before, 400 << 10)


@pytest.mark.parametrize("shape", [(), (1,)], ids=["one value", "a row"])
def test_a_value_longer_than_the_spare_memory_is_sound(tmp_path, shape):
    path = write(tmp_path / "a.h5")
    with h5py.File(path, "r+") as file:
        del file["sample07/text"]
        file.create_dataset("sample07/text", shape, h5py.string_dtype())[...] = "word " * (16 << 20)
    report = datacheck.scan(path, workers=1)
    assert [(it.code, it.verdict) for it in report.findings if it.verdict == "bad"] == []

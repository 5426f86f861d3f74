"""The heap of names of a group at the end of a file, of which the library reads 512 bytes though it is shorter."""

import h5py
import numpy as np
import pytest

import datacheck

VALUES = np.random.default_rng(6).normal(size=(4, 6, 3))


def write(path, user=0):
    """Write a file that ends with the heap and the node of the group `last`, and break the header of the first one."""
    for fillers in range(40):  # the library takes places for the structure in blocks of 2048 bytes
        with h5py.File(path, "w", userblock_size=user) as file:
            for number in range(fillers):
                file.create_group(f"other_{number}")
            for number in range(4):
                file[f"first/first_{number}"] = VALUES[number]
            file["last/samples"] = VALUES[0]  # its group comes after it
            spoiled = user + h5py.h5o.get_info(file["first"].id).addr
        heap = path.read_bytes().rindex(b"HEAP\0\0\0\0")
        if path.stat().st_size - heap < 512:
            break
    else:
        pytest.fail("no such file ends with a heap of names")
    with path.open("r+b") as raw:
        raw.seek(spoiled)
        raw.write(b"\xee" * 8)
    return path, heap


@pytest.mark.parametrize("user", [0, 512])
def test_a_sound_group_at_the_end_of_a_damaged_file_is_read(tmp_path, user):
    path, _ = write(tmp_path / "a.h5", user)
    report = datacheck.scan(path, workers=1)
    assert not any("last" in it.message for it in report.findings)
    datacheck.rebuild(path, tmp_path / "b.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "b.h5") as copy:
        assert np.array_equal(copy["last/samples"], VALUES[0])


def test_names_behind_the_end_of_the_file_are_not_made_up(tmp_path):
    path, heap = write(tmp_path / "a.h5")
    with path.open("r+b") as raw:
        raw.truncate(heap + 44)
    report = datacheck.scan(path, workers=1)
    assert any(it.code == "truncated-store" and "last" in it.message for it in report.findings)
    datacheck.rebuild(path, tmp_path / "b.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "b.h5") as copy:
        assert set(copy.get("last", ())) <= {"samples"}

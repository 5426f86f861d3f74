"""Test that an environment of a 32-bit build with page numbers of 64 bits is told from a damaged one."""

import lmdb
import pytest
from commanding import datacheck

MAGIC = (0xBEEFC0DE).to_bytes(4, "little")
PAGE = 4096


def words(*numbers):
    return b"".join(number.to_bytes(4, "little") for number in numbers)


def meta(number):
    """Return a meta page of such a build: an address, a size and the page size follow the version, in 4 bytes each."""
    head = number.to_bytes(8, "little") + bytes(2) + b"\x08\0" + bytes(4) + MAGIC
    return (head + words(2, 0, 1 << 20, PAGE, 8)).ljust(PAGE, b"\0")


def test_its_machine_is_named(tmp_path):
    path = tmp_path / "db"
    path.mkdir()
    (path / "data.mdb").write_bytes(meta(0) + meta(1) + bytes(PAGE))
    run = datacheck("scan", path)
    assert run.returncode == 2
    assert "is an LMDB environment of a 32-bit machine" in run.stderr


@pytest.mark.parametrize("broken", [0, 7], ids=["no size", "no page size"])
def test_a_page_size_that_is_damaged_stays_damage(tmp_path, broken):
    with lmdb.open(str(tmp_path / "db"), map_size=1 << 20) as env, env.begin(write=True) as transaction:
        transaction.put(b"a", b'{"label": 1}')
    data = tmp_path / "db" / "data.mdb"
    raw = bytearray(data.read_bytes())
    raw[40:44] = words(broken)
    data.write_bytes(raw)
    run = datacheck("scan", tmp_path / "db")
    assert run.returncode == 1, run.stderr
    assert "damaged-store" in run.stdout

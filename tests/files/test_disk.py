"""Test writing a file to disk while it grows: no error of the disk is lost."""

import threading

import pytest

from datacheck.files import disk
from datacheck.files.disk import WriteBehind


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "growing"
    path.write_bytes(b"some of it")
    return path


def test_what_the_disk_says_of_a_file_is_raised_at_the_next_step(path, monkeypatch):
    behind = WriteBehind(path)
    behind.begin()
    behind.end()
    monkeypatch.setattr(disk, "write_out", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    behind.begin()
    with pytest.raises(OSError, match="No space left"):
        behind.begin()
    behind.end()  # it is reported only once
    behind.begin()
    behind.close()  # nor here, where something else has gone wrong already


def test_writing_goes_on_meanwhile_and_the_end_waits(path, monkeypatch):
    going, done, go_on = threading.Event(), [], threading.Event()

    def write_out(of):
        going.set()
        assert go_on.wait(60)
        done.append(of)

    monkeypatch.setattr(disk, "write_out", write_out)
    behind = WriteBehind(path)
    behind.begin()
    assert going.wait(60)
    assert not done
    go_on.set()
    behind.end()
    assert done == [path]
    behind.close()

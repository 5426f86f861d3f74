"""Test copying that bypasses the page cache: the bytes are the same, whatever the file system allows."""

import errno
import os

import numpy as np
import pytest

from datacheck.files import past_cache
from datacheck.files.past_cache import copy_file, pieces_of

PIECE = 4 * past_cache.ALIGNED
needs_a_way = pytest.mark.skipif(not hasattr(os, "O_DIRECT"), reason="this system knows no O_DIRECT")
SIZES = [0, 1, PIECE - 1, PIECE, PIECE + 1, 9 * PIECE, 9 * PIECE + past_cache.ALIGNED + 5]


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(past_cache, "PIECE_BYTES", PIECE)
    monkeypatch.setattr(past_cache, "LARGE", 2 * PIECE)


@pytest.fixture
def source(tmp_path):
    return made(tmp_path / "source", 9 * PIECE + 5)


def made(path, size):
    path.write_bytes(np.random.default_rng(size).bytes(size))
    return path


def copied(source, target):
    taken = bytearray()
    shares = list(copy_file(source, target, taken.extend))
    assert shares == sorted(shares)
    assert shares[-1:] in ([], [1.0])
    return bytes(taken)


def read(path):
    taken = bytearray()
    for piece, _ in pieces_of(path):
        taken.extend(piece)
    return bytes(taken)


def refusing(monkeypatch, **calls):
    """Make system calls fail with EINVAL on descriptors opened with O_DIRECT; return the names of the refused calls."""
    refused = []
    for name, plain in calls.items():

        def call(descriptor, *args, name=name, plain=plain):
            if descriptor in direct:
                refused.append(name)
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
            return plain(descriptor, *args)

        monkeypatch.setattr(os, name, call)
    direct, opened = set(), os.open

    def open_it(path, flags, *args, **options):
        descriptor = opened(path, flags & ~os.O_DIRECT, *args, **options)
        if flags & os.O_DIRECT:
            direct.add(descriptor)
        return descriptor

    monkeypatch.setattr(os, "open", open_it)
    return refused


@pytest.mark.parametrize("size", SIZES)
def test_every_byte_is_copied_accounted_for_and_read_again(tmp_path, size):
    source = made(tmp_path / "source", size)
    content = source.read_bytes()
    assert copied(source, tmp_path / "copy") == content
    assert (tmp_path / "copy").read_bytes() == content
    assert read(tmp_path / "copy") == content


@needs_a_way
@pytest.mark.parametrize("number", past_cache.UNABLE)
def test_a_file_system_that_knows_no_such_way_gets_the_same_copy(source, tmp_path, monkeypatch, number):
    opened = os.open
    asked = []

    def refuse(path, flags, *args, **options):
        if flags & os.O_DIRECT:
            asked.append(path)
            raise OSError(number, os.strerror(number))
        return opened(path, flags, *args, **options)

    monkeypatch.setattr(os, "open", refuse)
    assert copied(source, tmp_path / "copy") == read(tmp_path / "copy") == source.read_bytes()
    assert asked == [tmp_path / "copy"] * 2


@needs_a_way
def test_a_disk_of_larger_blocks_gets_the_same_copy(source, tmp_path, monkeypatch):
    refused = refusing(monkeypatch, pwrite=os.pwrite, preadv=os.preadv)
    assert copied(source, tmp_path / "copy") == read(tmp_path / "copy") == source.read_bytes()
    assert set(refused) == {"pwrite", "preadv"}


def test_writes_and_reads_that_stop_short_are_gone_on_with(source, tmp_path, monkeypatch):
    pwrite, preadv = os.pwrite, os.preadv
    monkeypatch.setattr(os, "pwrite", lambda file, piece, at: pwrite(file, piece[: max(1, len(piece) // 2)], at))
    monkeypatch.setattr(
        os, "preadv", lambda file, into, at: preadv(file, [into[0][: max(1, len(into[0]) // 2 // 512 * 512)]], at)
    )
    assert copied(source, tmp_path / "copy") == read(tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()


def test_what_lies_there_is_not_written_over(source, tmp_path):
    (tmp_path / "copy").write_bytes(b"another")
    with pytest.raises(FileExistsError):
        copied(source, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"another"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_what_the_disk_says_of_a_piece_is_raised(source, tmp_path, monkeypatch, number):
    pwrite = os.pwrite

    def fail(descriptor, piece, at):
        if at >= 5 * PIECE:
            raise OSError(number, os.strerror(number))
        return pwrite(descriptor, piece, at)

    monkeypatch.setattr(os, "pwrite", fail)
    with pytest.raises(OSError) as raised:  # noqa: PT011  # by its number
        copied(source, tmp_path / "copy")
    assert raised.value.errno == number


def test_a_source_that_becomes_shorter_ends_there(source, tmp_path):
    shares = copy_file(source, tmp_path / "copy", lambda _: None)
    next(shares)
    os.truncate(source, 3 * PIECE + 7)
    assert sum(1 for _ in shares) < 9
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()


def test_a_source_that_grows_is_copied_as_it_was(source, tmp_path):
    content = source.read_bytes()
    shares = copy_file(source, tmp_path / "copy", lambda _: None)
    next(shares)
    with source.open("ab") as file:
        file.write(bytes(PIECE))
    assert sum(1 for _ in shares) == 9
    assert (tmp_path / "copy").read_bytes() == content


@pytest.mark.parametrize("place", [0, 3 * PIECE + 17, 9 * PIECE + 4])
def test_a_byte_that_the_disk_has_otherwise_is_read_otherwise(source, tmp_path, place):
    copy = tmp_path / "copy"
    assert copied(source, copy) == read(copy)
    with copy.open("r+b") as file:
        file.seek(place)
        was = file.read(1)
        file.seek(place)
        file.write(bytes([was[0] ^ 1]))
    there, meant = read(copy), source.read_bytes()
    assert [at for at in range(len(meant)) if there[at] != meant[at]] == [place]
    assert len(there) == len(meant)

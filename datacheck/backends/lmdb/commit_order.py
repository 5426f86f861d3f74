"""Decide which of two LMDB commits is newer, by the meta pages and by the list of free pages.

A commit writes a new version of every page that it changes, including the root of the main database, and lists the
pages that it replaced under its own number. So the newest record of a commit's free list names the main root of the
commit before.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Sequence
from itertools import permutations

import msgspec

from datacheck.backends.lmdb.format import (
    BIGDATA,
    BRANCH,
    DEEPEST,
    HEADERS,
    LEAF,
    NO_PAGE,
    NODE,
    OVERFLOW,
    Meta,
)

KEY_BYTES = 8


def newer_commit(read: Callable[[int, int], bytes], header: int, metas: Sequence[Meta]) -> tuple[Meta, str, bool]:
    """Return the newer one of two commits, what is wrong with their numbers, and whether the choice is certain.

    In a sound environment the numbers differ by one, or nothing was ever committed.
    """
    old, new = sorted(metas, key=lambda meta: meta.txnid)
    if new.txnid == 0 and all(meta.free.root == meta.main.root == NO_PAGE for meta in metas):
        return new, "", True
    step = new.txnid - old.txnid
    unnumbered = old.txnid == 0 and old.main.root != NO_PAGE  # the first commit has number 1
    if step == 1 and not unnumbered and _successor_number(read, header, new, old) is not False:
        return new, "", True
    message = f"the meta pages are of the transactions {old.txnid} and {new.txnid}"
    message += ", and those of a sound environment differ by one" if step != 1 else ", and neither led to the other"
    for one, other in permutations((new, old)):
        number = _successor_number(read, header, one, other)
        if number:
            return msgspec.structs.replace(one, txnid=number), message, True
    return new, message, False


def _successor_number(read: Callable[[int, int], bytes], header: int, new: Meta, old: Meta) -> int | bool | None:
    """Return the number of commit `new` if it replaced the main root of `old`, False if it did not, None if unknown."""
    if old.main.root in (NO_PAGE, new.main.root):
        return None
    last = _last_freed(read, header, new)
    if last is None:
        return None
    number, pages = last
    return number if old.main.root in pages else False


def _last_freed(read: Callable[[int, int], bytes], header: int, meta: Meta) -> tuple[int, Sequence[int]] | None:
    """Return the last record of a commit's free list (a transaction and the pages it replaced), None if unreadable."""
    number, size = meta.free.root, meta.page_size
    if number == NO_PAGE:
        return 0, ()
    for _ in range(DEEPEST):
        page = read(number * size, size)
        kind = int.from_bytes(page[header - 6 : header - 4], sys.byteorder)
        count = (int.from_bytes(page[header - 4 : header - 2], sys.byteorder) + HEADERS[header] - header) // 2
        if len(page) < size or int.from_bytes(page[:8], sys.byteorder) != number or not 0 < count < size // 2:
            return None
        place = header + 2 * count - 2
        at = int.from_bytes(page[place : place + 2], sys.byteorder) + HEADERS[header]
        if at + NODE.size > size:
            return None
        low, high, flags, key_size = NODE.unpack_from(page, at)
        if kind == BRANCH:
            number = low | high << 16 | flags << 32
            continue
        start = at + NODE.size + KEY_BYTES
        if kind != LEAF or key_size != KEY_BYTES or start > size:
            return None
        freed = int.from_bytes(page[start - KEY_BYTES : start], sys.byteorder)
        raw = page[start : start + (low | high << 16)]
        if flags & BIGDATA:
            raw = _extent(read, header, size, int.from_bytes(page[start : start + 8], sys.byteorder), low | high << 16)
        listed = array("q", raw[: len(raw) // 8 * 8])  # not NumPy: the caller of a scan does not load it
        return (freed, listed[1:]) if len(listed) and listed[0] == len(listed) - 1 else None
    return None


def _extent(read: Callable[[int, int], bytes], header: int, size: int, first: int, length: int) -> bytes:
    """Return a value that lies on overflow pages, or no bytes if these are not there."""
    head = read(first * size, header)
    if int.from_bytes(head[:8], sys.byteorder) != first:
        return b""
    kind = int.from_bytes(head[header - 6 : header - 4], sys.byteorder)
    return read(first * size + header, length) if kind == OVERFLOW else b""

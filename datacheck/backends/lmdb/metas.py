"""Read and judge LMDB's two meta pages, and choose the newest sound one.

Transaction N writes meta page N & 1, so page 0 holds even numbers. The library refuses an environment if one of the two
is broken, although the other one still leads to everything that was committed before.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable

import msgspec

from datacheck.backends.lmdb.commit_order import newer_commit
from datacheck.backends.lmdb.format import (
    BRANCH,
    HEADERS,
    LEAF,
    MAGIC,
    META,
    NO_PAGE,
    OVERFLOW,
    Database,
    Meta,
    PageDamaged,
    database,
    header_size,
)
from datacheck.model.finding import Finding, found

PAGE_SIZES = (4096, 8192, 16384, 32768, 65536, 512, 1024, 2048, 256)
"""Page sizes at which a second meta page is searched for if the first is destroyed; the common sizes come first."""
VERSIONS = {16: 1, 24: 3}
LOST = NO_PAGE - 1
"""The root of a tree whose root is unknown."""
TRIAL_PAGES = 64
TRIES = 100
Read = Callable[[int, int], bytes]
"""Return `size` bytes from an offset on, or fewer at the end of the file."""


class Metas(msgspec.Struct, frozen=True):
    """The content of the meta pages: the commit to read, and what is wrong with either page.

    `sound` means that the library will open the environment and see the same commit, `certain` that there was no newer
    commit than the chosen one.
    """

    header: int
    base: int
    page_size: int
    chosen: Meta
    findings: tuple[Finding, ...]
    certain: bool

    @property
    def sound(self) -> bool:
        return not self.findings


def read_metas(read: Read, size: int, end: Callable[[], int] | None = None) -> Metas:
    """Return the metas of a file of `size` bytes. Raises PageDamaged if nothing shows what the page size is.

    Both are of one moment, although another process may be writing them. `end` returns the end of the last bytes that
    were ever written: behind them is a hole, of any size.
    """
    for _ in range(TRIES):
        head = read(0, 256)
        header, page_size = _header_and_page_size(head, read, size)
        pair = (head, read(page_size, 256))
        metas = _judge_pair(pair, header, page_size, read, size, end or (lambda: size))
        if pair == (read(0, 256), read(page_size, 256)):
            break
    return metas


def _header_and_page_size(head: bytes, read: Read, size: int) -> tuple[int, int]:
    """Return the sizes of the page header and of a page. Raises PageDamaged if nothing shows them."""
    header = header_size(head)
    page_size = _page_size(head, header) if header is not None else None
    if header is not None and page_size is not None:
        return header, page_size
    sizes = _sizes_by_second_meta(read) or _sizes_by_pages(read, size)
    if sizes is None:
        raise PageDamaged("neither meta page has an LMDB magic number")
    return sizes


def _judge_pair(
    pair: tuple[bytes, bytes], header: int, page_size: int, read: Read, size: int, end: Callable[[], int]
) -> Metas:
    """Return the metas that the bytes of two meta pages give."""
    metas: list[Meta] = []
    findings: list[Finding] = []
    last_in_file = size // page_size - 1
    for index, raw in enumerate(pair):
        faults = _faults(raw, index, header, page_size, last_in_file)
        if not faults:
            metas.append(_meta(raw, header))
        else:
            findings.append(_meta_finding(index, page_size, faults))
    if len(metas) < 2:
        last_in_file = -(-end() // page_size) - 1
    if not metas:
        chosen = Meta(VERSIONS[header], page_size, _lost_tree(), _lost_tree(), max(1, last_in_file), 0)
        why = "both meta pages are destroyed, so which records belong to the last commit is not known"
        findings.append(found("damaged-store", why, kind="metas"))
        return Metas(header, HEADERS[header], page_size, chosen, tuple(findings), certain=False)
    certain = len(metas) > 1
    if certain:
        chosen, wrong_order, certain = newer_commit(read, header, metas)
        if wrong_order:
            findings.append(_order_finding(chosen, metas, wrong_order, certain=certain))
    else:
        (chosen,) = metas
        findings.append(_other_meta_finding(chosen))
    if not certain:
        chosen = msgspec.structs.replace(chosen, last_page=max(chosen.last_page, last_in_file))
    roots = [it.root for it in (chosen.free, chosen.main) if it.root != NO_PAGE]
    if max([1, *roots]) > chosen.last_page:
        why = f"the last page of the environment is said to be {chosen.last_page}, and its roots lie behind that"
        findings.append(found("damaged-store", f"{why}: all pages of the file are read", kind="last page"))
        chosen = msgspec.structs.replace(chosen, last_page=max(1, last_in_file))
    return Metas(header, HEADERS[header], page_size, chosen, tuple(findings), certain)


def _lost_tree() -> Database:
    return Database(0, 0, 0, 0, 0, 0, LOST)


def _page_size(raw: bytes, header: int) -> int | None:
    """Return the page size that a meta page gives, or None if it is invalid. It is stored in the free tree's record."""
    page_size = int.from_bytes(raw[header + 24 : header + 28], sys.byteorder)
    fits = not page_size & (page_size - 1) and 256 <= page_size <= 65536
    return page_size if fits else None


def _sizes_by_second_meta(read: Read) -> tuple[int, int] | None:
    """Return header and page size by the second meta page if the first is destroyed, or None."""
    for page_size in PAGE_SIZES:
        raw = read(page_size, 256)
        header = header_size(raw)
        if header is not None and _page_size(raw, header) == page_size:
            return header, page_size
    return None


def _sizes_by_pages(read: Read, size: int) -> tuple[int, int] | None:
    """Return the header and page size with which the pages have their own numbers and valid flags, or None."""
    for page_size in PAGE_SIZES:
        pages = range(2, min(size // page_size, 2 + TRIAL_PAGES))
        heads = [(number, read(number * page_size, 24)) for number in pages]
        numbers = [number for number, raw in heads if raw[:8] == struct.pack("=Q", number)]
        numbered = [raw for number, raw in heads if number in numbers]
        for header in HEADERS:
            flags = [int.from_bytes(raw[header - 6 : header - 4], sys.byteorder) for raw in numbered]
            if not numbered or any(it not in (BRANCH, LEAF, OVERFLOW) for it in flags):
                continue
            leaves = (number for number, it in zip(numbers, flags, strict=True) if it == LEAF)
            if any(_is_leaf(read(it * page_size, page_size), header) for it in leaves):
                return header, page_size
    return None


def _is_leaf(page: bytes, header: int) -> bool:
    """Return whether the nodes of a page fit its header, since other files may contain such a header by chance."""
    base = HEADERS[header]
    lower, upper = (it + base for it in struct.unpack_from("=HH", page, header - 4))
    count = (lower - header) // 2
    if not header < lower <= upper < len(page) or (lower - header) % 2:
        return False
    places = [it + base for it in struct.unpack_from(f"={count}H", page, header)]
    if any(not upper <= at <= len(page) - 8 for at in places) or len(set(places)) < count:
        return False
    return all(at + 8 + int.from_bytes(page[at + 6 : at + 8], sys.byteorder) <= len(page) for at in places)


def _meta(raw: bytes, header: int) -> Meta:
    version = int.from_bytes(raw[header + 4 : header + 8], sys.byteorder)
    free, main = database(raw[header + 24 : header + 72]), database(raw[header + 72 : header + 120])
    last_page, txnid = struct.unpack_from("=QQ", raw, header + 120)
    page_size = _page_size(raw, header)
    assert page_size is not None
    return Meta(version, page_size, free, main, last_page, txnid)


def _faults(raw: bytes, index: int, header: int, page_size: int, last_in_file: int) -> list[str]:
    """Return what is wrong with a meta page of a file whose last page is `last_in_file`."""
    if len(raw) < header + 136:
        return ["it lies behind the end of the file"]
    if not raw.strip(b"\0"):
        return ["it is zeroed"]
    if raw[header : header + 4] != MAGIC:
        return ["it has no magic number"]
    faults = []
    version = int.from_bytes(raw[header + 4 : header + 8], sys.byteorder)
    if version != VERSIONS[header]:
        faults.append(f"its data version is {version}, that of such pages {VERSIONS[header]}")
    if _page_size(raw, header) != page_size:
        return [*faults, f"its page size is {int.from_bytes(raw[header + 24 : header + 28], sys.byteorder)}"]
    if raw[:8] != struct.pack("=Q", index):
        faults.append(f"it has the number of page {int.from_bytes(raw[:8], sys.byteorder)}")
    if not int.from_bytes(raw[header - 6 : header - 4], sys.byteorder) & META:
        faults.append("it is not marked as a meta page")
    return faults + _implausible_fields(_meta(raw, header), index, last_in_file)


def _implausible_fields(meta: Meta, index: int, last_in_file: int) -> list[str]:
    faults = []
    if meta.txnid and meta.txnid & 1 != index:
        faults.append(f"transaction {meta.txnid} is never written there")
    if meta.last_page >= 1 << 48:
        faults.append(f"its last page is {meta.last_page}")
    for name, tree in (("free", meta.free), ("main", meta.main)):
        if tree.root != NO_PAGE and not 2 <= tree.root <= max(meta.last_page, last_in_file):
            faults.append(f"the root of its {name} tree is page {tree.root}")
        if tree.root == NO_PAGE and tree.depth:
            faults.append(f"its {name} tree has the root {tree.root} and {tree.depth} levels")
    return faults


def _meta_finding(index: int, page_size: int, faults: list[str]) -> Finding:
    why = f"meta page {index} is damaged: {', '.join(faults)}"
    return found("damaged-store", why, kind="meta", page=index, offset=index * page_size)


def _other_meta_finding(chosen: Meta) -> Finding:
    after = chosen.txnid + 1
    why = f"read by the other meta page, as of commit {chosen.txnid}; commit {after}, if there was one, may be missing"
    return found("damaged-store", why, kind="commit", commit=chosen.txnid)


def _order_finding(chosen: Meta, metas: list[Meta], wrong: str, *, certain: bool) -> Finding:
    index = next(at for at, meta in enumerate(metas) if meta.main == chosen.main and meta.free == chosen.free)
    how = "which lists the pages of the other as free" if certain else "whose number is the higher one"
    cost = "" if certain else "; records of the other may be missing"
    return found("damaged-store", f"{wrong}: read by meta page {index}, {how}{cost}", kind="metas", page=index)

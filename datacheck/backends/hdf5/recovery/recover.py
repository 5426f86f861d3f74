"""Find what is left of a file whose structure is damaged, and present it to the library in a form that it accepts."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from datacheck.backends.hdf5.recovery.groups import Group, Groups
from datacheck.backends.hdf5.recovery.headers import Header
from datacheck.backends.hdf5.recovery.links import EXTERNAL, HARD, SOFT, Link
from datacheck.backends.hdf5.recovery.overlay import Overlay
from datacheck.backends.hdf5.recovery.raw import Raw
from datacheck.backends.hdf5.recovery.searching import search
from datacheck.backends.hdf5.structure.superblock import Superblock, superblock
from datacheck.files.regular import open_descriptor
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import and_more
from datacheck.model.replacing import replace

ORPHANS = b"orphan"
"""Name of the group in which unreachable objects are shown; a number is appended if the root group has that name."""
NAMED = 10
FAR = 1 << 40
"""Distance in bytes from the end of the file to the data shown behind it, so that wrong addresses do not lead there."""
TOO_MUCH = (
    "the file has more of what looks like its structure than is looked at: there may be datasets that nothing leads to "
    "beside those that were found"
)


@dataclass(frozen=True)
class Recovery:
    """How a damaged file is presented: its superblock, patches with their offsets in the file, and data behind it."""

    block: Superblock
    start: int
    patches: tuple[tuple[int, bytes], ...]
    behind: bytes
    findings: tuple[Finding, ...]
    whole: bool = True
    """Whether all of the file was examined."""


def recovery(path: Path, troubled: frozenset[bytes]) -> Recovery | None:
    """Return how to present a file that the library cannot fully read, or None if that would show nothing more.

    `troubled` are the paths of the groups whose links the library could not list. Raises OSError.
    """
    block = superblock(path)
    if block is None or block.root is None:
        return None
    descriptor = open_descriptor(path)
    try:
        size = os.fstat(descriptor).st_size
        return _Recovering(Raw(descriptor, block.offset, size, fanout=2 * block.nodes[1]), block, troubled).finish()
    finally:
        os.close(descriptor)


class _Recovering:
    def __init__(self, raw: Raw, block: Superblock, troubled: frozenset[bytes]) -> None:
        self._raw, self._block = raw, block
        start = max(raw.size, block.end) - block.offset + FAR
        leaf, inner = block.nodes
        self._overlay = Overlay(start + -start % 8, leaf, inner)
        raw.limit = raw.worth // 2  # the rest is for the objects that are reachable in the file
        self._found = search(raw)
        self._found.whole &= not raw.exhausted
        raw.limit = raw.worth
        self._groups = Groups(raw, self._found, troubled, cut=raw.size < block.end)
        self._findings: list[Finding] = []

    def finish(self) -> Recovery | None:
        groups, root = self._groups, self._block.root
        assert root is not None
        groups.walk(b"", root)
        groups.adopt()
        aliases = groups.aliased()
        top = next((it for it in groups.groups if it.header.address == root), None)
        name = _free_name(ORPHANS, () if top is None else top.links)
        orphans = self._orphan_links(b"/" + name, aliases)
        findings = [*self._damage_findings(aliases), *self._findings]
        self._findings = findings
        self._show(top)
        links = [Link(name, self._overlay.group(orphans))] if orphans else []
        address = self._show_root(top, links)
        is_complete = self._found.whole and not self._raw.exhausted and not self._overlay.heavy
        if not is_complete:
            findings.append(found("damaged-store", TOO_MUCH, verdict="unverifiable"))
        elif not (self._overlay.patches or self._overlay.behind):
            return None
        block = replace(self._block, raw=self._block.rooted(address))
        base = self._block.offset
        places = [(base + at, octets) for at, octets in self._overlay.patches]
        return Recovery(
            block,
            base + self._overlay.start,
            tuple(places),
            bytes(self._overlay.behind),
            tuple(self._findings),
            is_complete,
        )

    def _show(self, top: Group | None) -> None:
        """Show the groups with changed links and the headers that lost a piece, except the root group (`top`)."""
        for group in self._groups.groups:
            if group.changed and not self._overlay.heavy:
                self._findings += _not_shown(group)
                if group is not top:
                    self._overlay.show(group.header, group.links)
        shown = {it.header.address for it in self._groups.groups if it.changed}
        for address, (path, object_header) in self._groups.torn.items():
            if object_header.is_dataset and not object_header.filters_known:
                self._findings.append(_without_filters(path, object_header))
            elif (
                (object_header.is_dataset or object_header.is_group)
                and address not in shown
                and not self._overlay.heavy
            ):
                self._overlay.show(object_header)

    def _show_root(self, top: Group | None, links: list[Link]) -> int:
        """Show the root group with additional links; return the address at which it is shown."""
        assert self._block.root is not None
        if top is None:
            return self._overlay.group(links) if links else self._block.root
        if not (top.changed or links):
            return self._block.root
        if self._overlay.show(top.header, [*top.links, *links]):
            return self._block.root
        return self._overlay.group([*top.links, *links])

    def _orphan_links(self, above: bytes, aliases: Iterable[int]) -> list[Link]:
        """Return links to the unreachable objects, and add a finding for each."""
        groups = self._groups
        orphans: list[tuple[bytes, int]] = [(above + b"/at_%d" % at, at) for at in aliases]
        for path, links in groups.headless(above):
            for it in links:
                groups.walk(path + b"/" + it.name, it.address, it.places)
            orphans.append((path, self._overlay.group(links)))
        orphans += groups.roots(above)
        groups.adopt()
        for path, at in orphans:
            escaped = escape(path)
            message = f"{escaped}: nothing in the file leads to it; it may be an old version, or deleted"
            self._findings.append(found("orphan", message, object=escaped, offset=at))
        return [Link(path.rpartition(b"/")[2], at) for path, at in orphans]

    def _damage_findings(self, aliases: dict[int, list[bytes]]) -> Iterator[Finding]:
        """Yield the findings about lost links and lost parts of headers."""
        if not any(it.header.address == self._block.root for it in self._groups.groups):
            message = "the header of the root group is lost; what was found of the file comes as what nothing leads to"
            yield found("damaged-store", message, object="/", offset=self._block.root)
        for group in self._groups.groups:
            if group.lost:
                yield self._lost_links(group)
        for path, object_header in self._groups.torn.values():
            if object_header.rewritten and object_header.taken is None:
                escaped = escape(path or b"/")
                message = f"the header of {escaped} is damaged; what its group holds is known from the link to it"
                yield found("damaged-store", message, object=escaped, offset=object_header.address)
            for it in object_header.lost if object_header.taken is None else [object_header.taken, *object_header.lost]:
                at, size = struct.unpack_from("<QQ", it.held.ljust(16, b"\0"))
                beyond = self._raw.lacks(at, size)
                escaped = escape(path or b"/")
                why = f"the file ends at {self._raw.size}" if beyond else "it is damaged"
                message = f"a part of the header of {escaped} is lost ({size} bytes at offset {at}), since {why}"
                code = "truncated-store" if beyond else "damaged-store"
                yield found(code, message, object=escaped, offset=at, size=size)
        for at, paths in aliases.items():
            names = [escape(it) for it in paths]
            message = (
                f"{len(names)} links lead to the object at offset {at} ({', '.join(names[:NAMED])}), more than it says "
                "that do: one was meant to lead elsewhere, and none of them is followed"
            )
            yield found("damaged-store", message, objects=names[:NAMED], offset=at)

    def _lost_links(self, group: Group) -> Finding:
        names = sorted(escape(it) for it in group.names)
        escaped = escape(group.path or b"/")
        code = "truncated-store" if group.beyond else "damaged-store"
        if group.table is None:
            link_count = len(group.links)
            message = f"the index of the links of {escaped} is damaged; {link_count:,} were found in what is left of it"
            if names:
                called = f"{', '.join(names[:NAMED])}{' and others' if len(names) > NAMED else ''}"
                message += f", and {len(names):,} that may have been deleted before are not followed ({called})"
            return found(code, message, object=escaped, links=link_count, lost=names[:NAMED])
        if group.table.heap and not names:
            link_count = len(group.links)
            message = (
                f"the index of the links of {escaped} is damaged; all {link_count:,} of its names were found again"
            )
            return found(code, message, object=escaped, links=link_count, lost=[])
        count = f"{len(names):,}" if names else "some"
        called = f" ({', '.join(names[:NAMED])}{' and others' if len(names) > NAMED else ''})" if names else ""
        why = "the nodes that lead there are damaged"
        if group.beyond:
            why = f"the file ends at {self._raw.size}"
        message = f"{count} of the links of {escaped} are lost{called}, since {why}"
        return found(code, message, object=escaped, lost=names[:NAMED])


def _without_filters(path: bytes, object_header: Header) -> Finding:
    escaped = escape(path)
    message = (
        f"{escaped} is lost, since the part of its header is lost that may say through which filters its values went"
    )
    return found("damaged-store", message, object=escaped, offset=object_header.address)


def _not_shown(group: Group) -> Iterator[Finding]:
    """Yield a finding for the links of a group that are lost because an old-style group, as shown, cannot hold them."""
    lost = sorted((it for it in group.links if it.kind not in (HARD, SOFT)), key=lambda it: it.name)
    if lost:
        escaped = escape(group.path or b"/")
        names = [escape(it.name) for it in lost[:NAMED]]
        links = (f"{name} to {_target_text(it)}" for name, it in zip(names, lost, strict=False))
        message = (
            f"links of {escaped} out of the file are lost with the list of its links: {and_more(links, len(lost))}"
        )
        yield found("damaged-store", message, object=escaped, lost=names)


def _target_text(link: Link) -> str:
    parts = link.value[1:].split(b"\0")
    return ":".join(map(escape, parts[:2])) if link.kind == EXTERNAL else f"what its kind ({link.kind}) says"


def _free_name(wanted: bytes, links: Iterable[Link]) -> bytes:
    taken = {it.name for it in links}
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = wanted + b"_%d" % number
    return name

"""Walk an HDF5 file around steps that kill the library, and again in its recovered form if its structure is damaged."""

from __future__ import annotations

import contextlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from datacheck.backends.hdf5.file import library, opened, refused
from datacheck.backends.hdf5.kept import close_changed
from datacheck.backends.hdf5.library.alike_headers import AlikeHeaders
from datacheck.backends.hdf5.library.bounds import at_most
from datacheck.backends.hdf5.library.fork_guard import StepCounter, at_risk, survived
from datacheck.backends.hdf5.library.library_failures import killed
from datacheck.backends.hdf5.structure.superblock import superblock
from datacheck.backends.hdf5.survey import survey
from datacheck.backends.hdf5.tables import Contents
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.backends.interface import StoreOptions
from datacheck.model.escaping import unescape
from datacheck.model.finding import Finding, found
from datacheck.model.replacing import replace
from datacheck.workers.interface import FROM_DATA

if TYPE_CHECKING:
    from datacheck.backends.hdf5.recovery.recover import Recovery

WALK_BYTES, WALK_SHARE = 512 << 20, 16
"""Memory limit of a walk of a file, in bytes: WALK_BYTES plus WALK_SHARE times the size of the file."""
SECOND = 1 << 40
"""Offset added to the step numbers of a walk of the recovered file, to tell them from those of the first walk."""
Deadly = tuple[tuple[int, str], ...]
STRUCTURAL = frozenset(("damaged-store", "truncated-store", "crash", "timeout"))
"""Codes of findings of a walk that show damage to the file's structure."""


@lru_cache(maxsize=16)
def contents_of(
    path: Path, size: int, changed: int, options: StoreOptions, deadly: Deadly | None, *, guarded: bool = True
) -> Contents:
    """Walk a file in its state at that size and time, around its deadly steps, which are found first if not known.

    If the structure turns out to be damaged, the file is walked again in its recovered form. A step that is not
    `guarded` and not known to be deadly may end this process.
    """
    library()
    close_changed()
    key = path, size, changed, options
    tried = _tried.get(key)
    if deadly is not None and tried is not None and tried.deadly == deadly:
        return tried
    if guarded or deadly is not None:
        contents = _walk_around(path, size, options, deadly)
    else:
        contents = at_risk(lambda trail: walked(path, size, options, trail))
    where = troubled_groups(contents)
    recovered = None if where is None else _recovered(path, size, where)
    if isinstance(recovered, Finding):
        contents = replace(contents, findings=(*contents.findings, recovered))
    elif recovered is not None:
        again = _walk_around(path, size, options, deadly, recovered)
        steps = tuple((step + SECOND, signal) for step, signal in again.deadly)
        findings = _joined_findings(again, recovered)
        contents = replace(again, deadly=contents.deadly + steps, findings=findings, recovery=recovered)
    if deadly is None:
        _tried.clear()
        _tried[key] = contents
    return contents


_tried: dict[tuple[Path, int, int, StoreOptions], Contents] = {}
"""The contents of the file that was last walked without known deadly steps. The process that found these need not walk
the file again."""


def _walk_around(
    path: Path, size: int, options: StoreOptions, deadly: Deadly | None, recovered: Recovery | None = None
) -> Contents:
    """Walk a file once, around its deadly steps, which are found by trial if they are not known."""
    if deadly is not None:
        shift = 0 if recovered is None else SECOND
        known = {step - shift: signal for step, signal in deadly if step - shift in range(SECOND)}
        result = walked(path, size, options, StepCounter(known), recovered)
        return replace(result, deadly=tuple(known.items()))
    contents, avoided = survived(lambda trail: walked(path, size, options, trail, recovered))
    if contents is None:
        return Contents(findings=(_given_up_finding([*avoided.values()]),))
    return replace(contents, deadly=tuple(avoided.items()))


def _given_up_finding(ended: list[str]) -> Finding:
    """Return the finding for a file whose walk was killed too often, by these signals."""
    others = [it for it in ended if it not in FROM_DATA and it != "SIGPROF"]
    if others:
        return killed(others[-1], "the file's structure")
    return found("crash", "reading the file's structure kills the reader again and again")


def walked(
    path: Path,
    size: int,
    options: StoreOptions,
    trail: StepCounter,
    recovered: Recovery | None = None,
    alike: AlikeHeaders | None = None,
) -> Contents:
    """Walk a file, as it is or in its recovered form. `alike` are the headers found in other files of the same walk."""
    signal = trail.step()
    if signal is not None:
        return Contents(findings=(killed(signal, "the file"),))
    try:
        with at_most(WALK_BYTES + WALK_SHARE * size), opened(path, recovered, filters=False) as file:
            contents = survey(
                library(),
                file.id,
                size,
                options,
                trail,
                whole=not file.cut,
                path=path,
                recovered=recovered is not None and recovered.whole,
                descriptor=None if file.truncated else file.descriptor,
                end=file.end,
                alike=alike,
            )
            file_findings = tuple(file.findings)
            return replace(contents, findings=file_findings + contents.findings, damaged=file.cut)
    except MemoryError:
        message = "the file's structure needs more memory than there is"
        return Contents(findings=(found("too-large", message, verdict="unverifiable"),))
    except TROUBLE as exc:
        return Contents(findings=(*_superblock_findings(path, size), refused(exc)))


def _superblock_findings(path: Path, size: int) -> list[Finding]:
    with contextlib.suppress(OSError):
        block = superblock(path)
        return [] if block is None else list(block.findings(size))
    return []


def troubled_groups(contents: Contents) -> frozenset[bytes] | None:
    """Return the paths of the groups that could not be listed or opened, or None if the structure is sound.

    Findings about the file as a whole do not count as structural damage, unless nothing else of it could be read.
    """
    structural = [it for it in contents.findings if it.code in STRUCTURAL and it.field is None]
    closed = [it.details["path"] for it in structural if "path" in it.details]
    paths = [*closed, *(it.details["object"] for it in structural if "links" in it.details)]
    if paths:
        return frozenset(unescape(path).rstrip(b"/") for path in paths)
    return frozenset() if structural and not contents.paths else None


def _recovered(path: Path, size: int, where: frozenset[bytes]) -> Recovery | Finding | None:
    from datacheck.backends.hdf5.recovery.recover import recovery  # few files are damaged

    try:
        with at_most(WALK_BYTES + WALK_SHARE * size):
            return recovery(path, where)
    except MemoryError:
        message = "there is too little memory to look for what is left of the file where its structure is damaged"
        return found("too-large", message, verdict="unverifiable")
    except OSError:  # the findings of the walk remain
        return None


def _joined_findings(contents: Contents, recovered: Recovery) -> tuple[Finding, ...]:
    """Return the findings of the second walk, about the file as a whole and its contents, and those of the recovery."""
    return (*contents.findings, *recovered.findings)

"""Replace a check that killed its worker by ever smaller pieces, until the record that caused it is identified."""

from __future__ import annotations

from collections import Counter

import msgspec

from datacheck.backends.interface import Reader
from datacheck.model.blocks import Position, Shard
from datacheck.model.codes import Verdict
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding, found
from datacheck.model.replacing import replace
from datacheck.reporting.tally import Tally
from datacheck.scanning.blame import finding_of_raised, own_slip
from datacheck.scanning.tasks import TRIES, Check, from_outside
from datacheck.workers.interface import FROM_DATA, Death
from datacheck.workers.limits import memory_limit
from datacheck.workers.templates import WORKER_BYTES

DEATHS_A_SHARD = 32
"""Number of deaths after which the rest of a shard is given up, with a single finding."""
WAITING = 8
"""Number of deaths that a death from mere waiting counts as, since waiting takes wall-clock time."""
RUNNING = 0.2
"""Share of the time with a processor from which a worker was not waiting for a disk."""
STARVED = 0.02
"""Share of the time with a processor from which a slow worker was starved by others, not by a disk, as far as known."""


class Span(msgspec.Struct, eq=False):
    """A piece of the source: the check to run, its tally when it is done, and the check that it is a piece of."""

    check: Check
    tally: Tally | None = None
    whole: Check | None = None


def retry_pieces(reader: Reader, check: Check, death: Death) -> list[Span]:
    """Return the pieces that replace a check that died.

    They are what came before the death, and what follows, to be read record by record, or the tally of the record that
    caused it.
    """
    shard = check.shard
    if check.last:
        return _replace_last(reader, check, death)
    waited = death.signal == "SIGALRM" and death.share < RUNNING
    check = replace(check, deaths=check.deaths + (WAITING if waited else 1))
    if death.note is None or check.deaths > 2 * DEATHS_A_SHARD:
        again = (not check.careful and check.deaths <= WAITING) or (from_outside(death) and check.deaths < TRIES)
        return [Span(replace(check, careful=True)) if again else Span(check, _tally_of_stretch(reader, shard, death))]
    place, seen = death.note
    # what came before is repeated record by record if it was read so: a less careful step could touch what kills
    before = [] if shard.begins_at(place) else [Span(replace(check, shard=shard.before(place)))]
    if check.deaths > DEATHS_A_SHARD:
        return [*before, Span(check, _tally_of_stretch(reader, shard.since(place), death))]
    if not check.careful:
        return [*before, Span(replace(check, shard=shard.since(place), careful=True))]
    if not seen and not death.proven:
        return [*before, Span(replace(check, shard=shard.since(place), last=1))]
    if not seen:
        return [*before, Span(check, _tally_of_stretch(reader, shard.since(place), death))]
    following = Position(place.key, place.nth + 1)
    behind = Span(replace(check, shard=shard.since(following)))
    if not death.proven:
        alone = replace(shard.since(place), stop=following)
        return [*before, Span(replace(check, shard=alone, last=1)), behind]
    return [*before, Span(check, _tally_of_record(reader, shard, place, death)), behind]


def _replace_last(reader: Reader, check: Check, death: Death) -> list[Span]:
    """Return what replaces a check in its last attempt: the tally of its record, or of a stretch given up.

    If it timed out because it hardly got a processor, it is tried once more.
    """
    shard = check.shard
    if check.last == 1 and death.signal == "SIGALRM" and death.share >= STARVED:
        return [Span(replace(check, last=2))]
    if shard.start is None or shard.stop != Position(shard.start.key, shard.start.nth + 1):
        return _replace_stretch(reader, check, death)
    return [Span(check, _tally_of_record(reader, shard, shard.start, death))]


def _replace_stretch(reader: Reader, check: Check, death: Death) -> list[Span]:
    """Return what replaces a stretch whose first position was never reached; the last attempt may have got further."""
    shard = check.shard
    place = None if death.note is None else death.note[0]
    if place is None or shard.begins_at(place):
        return [Span(check, _tally_of_stretch(reader, shard, death))]
    return retry_pieces(reader, replace(check, last=0), death)


def _tally_of_record(reader: Reader, shard: Shard, place: Position, death: Death) -> Tally:
    """Return the tally of the one record that killed its worker."""
    tally = Tally(records=1, checked=1, account=Counter(died=1))
    finding = reader.name(shard, place, finding_of_death(death, "reading or decoding it"))
    tally.count([msgspec.structs.replace(finding, index=0)])
    return tally


def finding_of_death(death: Death, doing: str, *, of_record: bool = True) -> Finding:
    """Return the finding for the death of a worker. It is bad only if the data caused the death.

    Work that is not about a record has a time limit of datacheck itself, which says nothing about the data.
    """
    words = f" ({plain(death.words)})" if death.words else ""
    name = death.signal
    if death.trace:  # also of a worker that failed outside its task (OWN_FAILURE)
        return own_slip(name, death.words, death.trace, doing)
    if death.timed_out and not of_record:
        reason = "did not finish in the time that datacheck allows for it"
        return found("timeout", f"{doing} {reason}", verdict="unverifiable", signal=name)
    if name == "SIGPROF":
        return found("timeout", f"{doing} took more processor time than --timeout allows", signal=name)
    if name == "SIGALRM":
        reason = "did not finish in the time allowed (--timeout), most of which it waited for the disk or the processor"
        return found("timeout", f"{doing} {reason}", verdict="unverifiable", signal=name)
    if name == "SIGXCPU":
        reason = "needs more processor time than the limit set here (ulimit -t) allows"
        return found("timeout", f"{doing} {reason}", verdict="unverifiable", signal=name)
    if name == "SIGKILL":
        times = f" {death.tries} times" if death.tries > 1 else ""
        reason = f"was ended by SIGKILL{times}, as containers and batch systems do at their memory limit"
        return found("too-large", f"{doing} {reason}{words}", verdict="unverifiable", signal=name)
    if death.raised:
        return finding_of_raised(name, death.words, doing, memory_limit(WORKER_BYTES).words, number=death.errno)
    verdict: Verdict | None = None if name in FROM_DATA or name.startswith("exit") else "unverifiable"
    return found("crash", f"{doing} killed the worker with {name}{words}", verdict=verdict, signal=name)


def _tally_of_stretch(reader: Reader, shard: Shard, death: Death) -> Tally:
    """Return the tally of a stretch of records that could not be reached."""
    first = _key_of(reader, shard, shard.start)
    last = _key_of(reader, shard, shard.stop)
    behind = "behind " if shard.start and shard.start.nth else ""
    where = f"from {behind}{first or 'the first record'} to {last or 'the last'}"
    tally = Tally(complete=False)
    finding = finding_of_death(death, f"given up {where}: reading on")
    details = {**finding.details, "first": first, "last": last}
    tally.count([msgspec.structs.replace(finding, details=details)])
    return tally


def _key_of(reader: Reader, shard: Shard, place: Position | None) -> str | None:
    return None if place is None else reader.name(shard, place, found("crash", "")).key

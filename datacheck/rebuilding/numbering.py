"""Handle numbers in keys on which no count or list in the store depends, when records are dropped.

Many loaders ask for every number below the number of records; others take the keys as they are. The store does not say
which, so the numbers are kept and the user is told about gaps. `--renumber` closes them up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence, Sized

from datacheck.conventions.clip_tables import ClipTable
from datacheck.conventions.conclusions import samples_of, unsure_counts
from datacheck.conventions.counts.clip_counts import counts_without
from datacheck.conventions.counts.clip_totals import totals_without
from datacheck.conventions.counts.frame_counts import clip_of, count_frames
from datacheck.conventions.counts.per_record_lengths import lists_of_other_lengths
from datacheck.conventions.interface import Convention, Count, KeyList, Known
from datacheck.conventions.keys.account import Account
from datacheck.conventions.keys.groups import ACCIDENTS, OPTIONAL, union, words
from datacheck.conventions.keys.numbered_keys import Pattern
from datacheck.conventions.keys.runs import Runs
from datacheck.conventions.outcome import Outcomes, patterns_of
from datacheck.conventions.repair import Repair
from datacheck.conventions.values.aligned import Parallel
from datacheck.errors import RebuildFailed
from datacheck.model.escaping import escape, plain
from datacheck.model.finding import full_name, key_name
from datacheck.model.listing import counted
from datacheck.model.replacing import replace
from datacheck.rebuilding.dropped_keys import DroppedKeys, dropped_keys
from datacheck.rebuilding.mending import can_lose
from datacheck.rebuilding.work import Order
from datacheck.reporting.report import Report
from datacheck.reporting.tally import Tally
from datacheck.scanning.keys.keeping import plain_numbering, watch_of
from datacheck.scanning.keys.keys_read import TakeKeys
from datacheck.scanning.profile.probing import take_profile
from datacheck.scanning.tasks import TakeLayout, Task, run_all, run_one
from datacheck.workers.interface import Death, Engine

CURSOR = "datum"
"""Decoder of records that are read in sequence whatever their keys, so that gaps in the numbers do no harm."""
FIRST = (0, 1)
"""The numbers that loaders start counting from."""
COUNTING_UP = "a loader that counts up needs --renumber"
COUNTING_UP_TOGETHER = f"{COUNTING_UP}, and --convention dense if those of one number belong together"
"""Hints for a numbering that gets a gap; the second is for one of several in a database."""


def note_numbers(pool: Engine[Task], report: Report, order: Order) -> None:
    """Add to a report the numbers in the keys of databases for which no other convention is known.

    Unless `renumber` is asked for, this is done only if records are dropped, since only then can there be new gaps.
    Raises RebuildFailed if the source cannot be read again, or if its keys cannot be renumbered as asked.
    """
    asked = order.renumber is True
    in_sequence = report.source.decoder == CURSOR or order.renumber is False
    going = bool(report.gone_elsewhere) or next(dropped_keys(order.choice, report), None) is not None
    if not asked and (in_sequence or not going):
        return
    known = {part for part, it in report.keeps.items() if any(one.parts or one.lists for one in it.conventions)}
    layout = run_one(pool, TakeLayout())
    if isinstance(layout, Death):
        raise RebuildFailed(str(report.source.path), "the source could not be read again; scan it again")
    found = plain_numbering(pool, layout, take_profile(pool, layout))
    numberings = {part: it for part, it in found.items() if part not in known}
    if asked and not (numberings or any(_has_numbered_samples(report, part) for part in known)):
        raise RebuildFailed(str(report.source.path), _why_not_renumbered(report))
    for part, pattern in numberings.items():
        before = report.keeps.get(part) or Known()
        one = Convention("", (pattern,), named=False, dense=asked)
        report.keeps[part] = replace(before, conventions=(*before.conventions, one))
    watch = watch_of({part: report.keeps[part] for part in numberings}) or {}
    for accounts in run_all(pool, [TakeKeys(it, watch) for it in layout.shards if it.part in watch]):
        if isinstance(accounts, Death):
            raise RebuildFailed(str(report.source.path), "the keys of the source could not be read; scan it again")
        report.tally.add_sums(Tally(keys=accounts))


def _why_not_renumbered(report: Report) -> str:
    """Return why the keys of a store cannot be renumbered, and what the user can do."""
    parts = [
        ", ".join(map(str, sorted(numbered, key=str)))
        for it in report.keeps
        if len(numbered := _numbered(report, it)) > 1
    ]
    why = "--renumber cannot close up its keys: they are not all of one numbering"
    if not parts:
        return f"{why}; leave the option out, and the keys stay as they are"
    return (
        f"{why}, and nothing tells whether those of {parts[0]} with the same number belong together: "
        "if they do, add --convention dense; if not, leave the option out, and the keys stay as they are"
    )


def _numbered(report: Report, part: str) -> list[Pattern]:
    """Return the patterns of the numbers in the keys of a database."""
    return [it for it, numbers in report.account(part).numbers.items() if numbers]


def _has_numbered_samples(report: Report, part: str) -> bool:
    """Return whether numbers identify the samples of a database."""
    known, account = report.keeps[part], report.account(part)
    numbered = (patterns_of(it, samples_of(it, account, known.across)) for it in known.conventions)
    return known.across is not None or any(numbered)


def refuse_drifting(outcomes: Outcomes | None, report: Report, order: Order) -> None:
    """Raise RebuildFailed if numbers would be closed up while other records that share some of them keep theirs.

    This applies to records named like optional parts of a sample: they may be masks of the first pictures. Others, such
    as classes, most likely have nothing to do with the pictures; the receipt names them.
    """
    repairs = {} if outcomes is None or order.renumber is not None else outcomes.repairs
    for part, repair in repairs.items():
        if not repair.renumbered or any(it.named for it in report.keeps[part].conventions):
            continue
        for other, numbers in _numbers_kept(report, part, repair).items():
            every = union(report.account(part).numbers[it] for it in repair.patterns)
            theirs = len(numbers) > ACCIDENTS and OPTIONAL & words(str(other))
            if not theirs or numbers - every or numbers.last < _first_moved(repair):
                continue
            names = ", ".join(map(str, repair.patterns))
            message = f"{other} have some of the numbers of {names} and may belong to these, which would be renumbered"
            hint = "--keep-numbers leaves holes where records go, --renumber lets the others keep their numbers"
            raise RebuildFailed(report.source.path, f"{message}; {hint}")


def _first_moved(repair: Repair) -> int:
    """Return the first number of a record that is renumbered."""
    left, base = repair.left, repair.base
    return next((start for start in left.starts if start != base), left.stops[0]) if left else base


def _numbers_kept(report: Report, part: str, repair: Repair) -> dict[Pattern, Runs]:
    """Return by pattern the numbers of records that keep theirs while others are closed up."""
    numbers = report.account(part).numbers
    return {it: numbers[it] for it in sorted(numbers, key=str) if it not in repair.patterns and numbers[it]}


def _without_numbers(report: Report, part: str) -> int:
    """Return how many records of a database belong to no numbering and no convention, such as keys with two numbers."""
    account = report.account(part)
    return account.records - account.own - sum(map(len, account.numbers.values()))


def left_as_it_is(report: Report, order: Order, outcomes: Outcomes | None) -> Iterator[str]:
    """Yield a sentence for each thing that the copy keeps unchanged although it may no longer be true."""
    dropped = DroppedKeys(order.choice, report)
    repairs = {} if outcomes is None else outcomes.repairs
    for part in report.keeps if order.renumber is None and report.source.decoder != CURSOR else ():
        repair = repairs.get(part)
        if repair is not None and repair.renumbered:
            yield from _left_naming(report, part, repair)
        else:
            yield from _left_open(report, part, repair, dropped)
    yield from _left_uncertain(report)
    yield from _left_listed(report, dropped, outcomes)


def _left_naming(report: Report, part: str, repair: Repair) -> Iterator[str]:
    """Yield a sentence about other keys of a renumbered database that may name its records by their old numbers."""
    names = ", ".join(map(str, repair.patterns))
    others = ", ".join(map(str, _numbers_kept(report, part, repair)))
    count = _without_numbers(report, part)
    if others:
        yield f"{others} may name records of {names}, which have other numbers now"
    elif count > ACCIDENTS:
        yield f"{counted(count, 'other record')} may name records of {names}, which have other numbers now"


def _left_open(report: Report, part: str, repair: Repair | None, dropped: DroppedKeys) -> Iterator[str]:
    """Yield a sentence for each numbering of a database that has no gap in the source and gets one in the copy."""
    known, account = report.keeps[part], report.account(part)
    if known.across is not None or any(it.lists or it.deleted for it in known.conventions):
        return
    doubtful = list(_unsure_counts(known, account))
    if any(count not in doubtful for it in known.conventions for count in it.counts):
        return
    if repair is not None and repair.patterns:
        numbers = union(account.numbers[it] for it in repair.patterns if it in account.numbers)
        yield from _gap_sentence(repair.patterns, numbers, repair.dropped)
        return
    keys = [*dropped.of(part), *(() if part else sorted(report.gone_elsewhere))]
    patterns = [*account.numbers] if len(account.numbers) == 1 else sorted(_numbered(report, part), key=str)
    for pattern in patterns:
        lost = Runs((it, it + 1) for key in keys if (it := pattern.number(key)) is not None)
        hint = COUNTING_UP if len(account.numbers) == 1 else COUNTING_UP_TOGETHER
        yield from _gap_sentence((pattern,), account.numbers[pattern], lost, hint)


def _left_uncertain(report: Report) -> Iterator[str]:
    """Yield a sentence for each number that may count the records or something else, and is copied unchanged."""
    for part, known in report.keeps.items():
        of_clips = () if known.totals is None else [it.key for it in known.totals.counts]
        for count in _unsure_counts(known, report.account(part)):
            if count.key in of_clips:
                continue
            name = full_name(count.name, part if count.kept_in is None else None)
            shown = escape(count.raw[:40]) if count.number is None else f"{count.number:,}"
            yield f"{name} still says {shown}, which may be a number of something else than records"


def _left_listed(report: Report, dropped: DroppedKeys, outcomes: Outcomes | None) -> Iterator[str]:
    """Yield a sentence for each list of records that the copy keeps unchanged while some are dropped or renumbered."""
    for part, known in report.keeps.items():
        outcome = None if outcomes is None else outcomes.by_database.get(part)
        keys = dropped.of(part)
        if not keys and (outcome is None or not (outcome.dropped or outcome.repair.renumbered)):
            continue
        moved = outcome is not None and outcome.repair.renumbered
        lists = frozenset() if outcomes is None else outcomes.lists
        for it in (it for it in known.within if (it.kept_in, it.key) not in lists):
            what = "numbers" if it.numbers else "keys"
            where = full_name(": ".join(map(plain, (escape(it.key), *it.names))), it.kept_in)
            other = ", or have others there" if moved else ""
            yield f"{where} lists {what} of records as before: some may not be in the copy{other}"
        for paired in sorted({names for one in known.conventions for it in one.lists for names in it.paired}):
            yield f"the partner of a key that goes, in the lists {paired}: they are taken for pairs, place by place"
        by_position = () if outcome is None else outcome.repair.positions
        tables = [it for one in report.keeps.values() for it in one.indexes if isinstance(it, ClipTable)]
        tables = [it for it in tables if it.kept_in == part and not it.fixed]
        yield from _left_parallel(known, report.account(part), part, by_position, tables)
        yield from _left_elsewhere(report, part)
        yield from dict.fromkeys(_left_of_frames(known, part, keys))
        other = ", or have others there" if moved else ""
        for name in dict.fromkeys(it.name for it in known.indexes if not can_lose(report, it, part)):
            yield f"{name} names keys of records as before: some may not be in the copy{other}"


def _left_parallel(
    known: Known, account: Account, part: str, rewritten: Collection[bytes], tables: Sequence[ClipTable]
) -> Iterator[str]:
    """Yield a sentence for each list or array that has as many items as there were records or samples.

    Those that are `rewritten` have an item for each record of the copy. Those in `tables` list frames.
    """
    every = account.records - account.own
    counts = {every, every - len(known.aside), *map(len, account.numbers.values())}
    counts.update(it.number for it in known.listed)
    if known.stems is not None:
        counts.add(known.stems.all)
    listed = {it.key for it in known.within} | {it.key for one in known.conventions for it in one.lists}
    for it in known.parallel:
        paths = ("".join(f"{name!s}/" for name in table.path) for table in tables if table.holder == it.key)
        if any(map(f"{it.name}/".startswith, paths)):
            continue
        if it.items in counts and it.key not in listed and not (it.of_records and it.key in rewritten):
            yield _as_before(it, part)
    for it, number in lists_of_other_lengths(known, account):
        yield f"{_items_as_before(it, part)}, and there were {counted(number, 'record')}"


def _left_elsewhere(report: Report, part: str) -> Iterator[str]:
    """Yield a sentence for each list or array in another database that lies beside the keys or a count of the records.

    It has as many items as there are keys, or as the count says.
    """
    numbers = dict[str, set[int | None]]()
    own = set[tuple[str, bytes]]()
    for one in report.keeps[part].conventions:
        beside: list[KeyList | Count] = [*one.lists, *one.counts]
        for it in beside:
            if it.kept_in is not None and it.kept_in != part:
                numbers.setdefault(it.kept_in, set()).add(it.number)
                own.add((it.kept_in, it.key))
    for other in sorted(numbers.keys() & report.keeps.keys()):
        for parallel in report.keeps[other].parallel:
            if parallel.items in numbers[other] and (other, parallel.key) not in own:
                yield _as_before(parallel, other)


def _as_before(parallel: Parallel, part: str) -> str:
    text = f"{_items_as_before(parallel, part)}, as many as there were records"
    return f"{text}: if there is one for each, they do not fit those of the copy"


def _items_as_before(parallel: Parallel, part: str) -> str:
    name = ": ".join(filter(None, (key_name(parallel.key, part), plain(parallel.name))))
    return f"{name} has {counted(parallel.items, 'item')} as before"


def _left_of_frames(known: Known, part: str, keys: Sequence[bytes]) -> Iterator[str]:
    """Yield a sentence for each record of frame counts whose clips lose some of their frames.

    If nothing counts the frames, there is one sentence for all of them.
    """
    frames = next((it.frames for it in known.conventions if it.frames is not None), None)
    lost = [] if frames is None else sorted(filter(frames.has, keys))
    if lost:
        yield f"sequences lack {key_name(lost[0], part)}{_more(lost)}: a loader that counts up asks for what went"
    for counts in known.frames:
        frames_lost = count_frames(keys, frozenset(counts.there))
        clips = sorted(clip for clip, number in frames_lost.items() if number < counts.there[clip])
        if clips:
            text = f"{key_name(counts.key, part)} counts what is left of {escape(clips[0])}{_more(clips)}"
            yield f"{text}: a loader that counts up asks for what went"
        elif counts.many and any(map(clip_of, keys)):
            yield f"{key_name(counts.key, part)} has the numbers of frames as before, also of clips that lose some"
    if known.totals is not None:
        changed = totals_without(known.totals, keys, lambda _: None)
        for key in sorted(changed.keys() - known.totals.lists.keys()):
            text = f"{key_name(key, part)} counts the clips that are left"
            yield f"{text}: a loader that counts up asks for what went"
    for of_clips in known.clips:
        uncounted = {*counts_without(of_clips, keys, {}, only_fixed=True)}
        uncounted |= of_clips.uncounted(keys) if of_clips.more else set()
        if uncounted:
            yield f"{key_name(min(uncounted), part)}{_more(uncounted)} may count frames that are not in the copy"
        rewritten = sorted(counts_without(of_clips, keys, {}))
        if rewritten:
            verb = "count" if len(rewritten) > 1 else "counts"
            text = f"{key_name(rewritten[0], part)}{_more(rewritten)} {verb} what is left"
            yield f"{text}: a loader that counts up asks for what went"


def _unsure_counts(known: Known, account: Account) -> Iterator[Count]:
    for it in known.conventions:
        yield from unsure_counts(it, samples_of(it, account, known.across), account, known.across, known.stems)


def _gap_sentence(
    patterns: tuple[Pattern, ...], numbers: Runs, dropped: Runs, hint: str = COUNTING_UP
) -> Iterator[str]:
    if not numbers or numbers.first not in FIRST or numbers.pieces > 1:
        return
    left = numbers - dropped
    holes = Runs([(numbers.first, left.last + 1)]) - left if left else Runs()
    if not holes:
        return
    keys = ", ".join(map(str, patterns))
    missing = f"{holes.first}{_more(holes)}"
    yield f"the numbers in {keys}, from {numbers.first} to {numbers.last} without a gap, now lack {missing}: {hint}"


def _more(several: Sized) -> str:
    """Return how many there are besides the one that was named."""
    return f" and {len(several) - 1:,} more" if len(several) > 1 else ""

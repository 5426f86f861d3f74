"""Plan how a copy keeps true what the store holds about its records, such as counts and lists of keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from functools import partial
from itertools import chain
from typing import Any

from datacheck.conventions.conclusions import samples_of, scattered_text
from datacheck.conventions.counts.clip_counts import counts_without
from datacheck.conventions.counts.clip_totals import totals_without
from datacheck.conventions.counts.frame_counts import rewritten_without
from datacheck.conventions.counts.written import written_into, written_together
from datacheck.conventions.interface import Count, Known
from datacheck.conventions.keys.account import Account
from datacheck.conventions.keys.runs import Runs
from datacheck.conventions.keys.spanning import Sample, Spanning
from datacheck.conventions.listed import KEYS
from datacheck.conventions.naming_records import Index
from datacheck.conventions.outcome import Outcome, Outcomes, Shares, outcome_without
from datacheck.conventions.parting import have_same_numbers
from datacheck.conventions.repair import OtherKeyList, Repair
from datacheck.conventions.values.rewriting import Place
from datacheck.errors import RebuildFailed
from datacheck.model.escaping import escape
from datacheck.model.replacing import replace
from datacheck.rebuilding.choice import Choice
from datacheck.rebuilding.dropped_keys import DroppedKeys
from datacheck.reporting.report import Report
from datacheck.reporting.tally import Tally
from datacheck.scanning.keys.keeping import complete_known, recognise, watch_of
from datacheck.scanning.keys.keys_read import TakeKeys
from datacheck.scanning.profile.probing import take_profile
from datacheck.scanning.tasks import TakeLayout, Task, run_all, run_one
from datacheck.workers.interface import Death, Engine

NO_REPAIR = Repair((), Runs(), Runs(), 0, renumbered=False)


def look_again(pool: Engine[Task], report: Report) -> None:
    """Add to an earlier report what it does not contain: the conventions, and the sums over the keys.

    The conventions are recognised as in a scan, by the same keys. Raises RebuildFailed if the source cannot be read
    again.
    """
    source = str(report.source.path)
    layout = run_one(pool, TakeLayout())
    if isinstance(layout, Death):
        raise RebuildFailed(source, "the source could not be read again; scan it again")
    taken = take_profile(pool, layout)
    found = recognise(pool, layout, taken)
    if isinstance(found, Death):
        raise RebuildFailed(source, "the source could not be read again; scan it again")
    watch = watch_of(found)
    if watch is None:
        return
    for accounts in run_all(pool, [TakeKeys(shard, watch) for shard in layout.shards]):
        if isinstance(accounts, Death):
            raise RebuildFailed(source, "the keys of the source could not be read; scan it again")
        report.tally.add_sums(Tally(keys=accounts))
    known = complete_known(found, report.tally.keys, layout.shards, taken.profile, partial(run_one, pool))
    if isinstance(known, Death):
        raise RebuildFailed(source, "the keys of the source could not be read; scan it again")
    report.keeps = known


def outcomes_of(choice: Choice, report: Report, renumber: bool | None = None) -> Outcomes | None:
    """Return what becomes of records because of others that are dropped, or None if nothing changes.

    Raises RebuildFailed if what the store holds about its records cannot be kept true.
    """
    plan = _Plan(report, DroppedKeys(choice, report))
    plan.each_by_itself(renumber)
    plan.count_elsewhere()
    plan.list_by_position()
    plan.list_elsewhere()
    plan.list_within()
    plan.list_in_records()
    plan.count_frames()
    plan.count_kept()
    if not plan.outcomes:
        return None
    return Outcomes(plan.outcomes, sum(it.dropped for it in plan.outcomes.values()) + plan.others.total())


class _Plan:
    """The outcome of each database of a store, as far as it has been worked out.

    `others` are the numbers of records that are dropped from databases without an outcome.
    """

    def __init__(self, report: Report, dropped: DroppedKeys) -> None:
        self.report = report
        self.dropped = dropped
        self.outcomes: dict[str, Outcome] = {}
        self.others: Counter[str] = Counter()

    def each_by_itself(self, renumber: bool | None) -> None:
        """Work out the outcome of each database from its own conventions, and from samples that it shares."""
        report = self.report
        also = report.gone_elsewhere
        if also:
            also -= {key for key, own in self.dropped.flagged("") if own}
        shares = _shares(self.dropped, report, also)
        for part, known in {**({"": Known()} if also else {}), **report.keeps}.items():
            account = report.account(part)
            going = self.dropped.flagged(part)
            _refuse_unread(known, account, report.source.path, changes=bool(going or renumber))
            outcome = outcome_without(
                known.conventions,
                account,
                going,
                also=frozenset() if part else also,
                listed=known.listed,
                stems=known.stems,
                shares=shares.get(part),
                renumber=renumber,
            )
            if outcome is not None:
                self.outcomes[part] = outcome
        self.others.update(part for part, _, own in self.dropped if own and part not in self.outcomes)

    def count_elsewhere(self) -> None:
        """Rewrite the records that count the records of other databases."""
        changes: dict[tuple[str, bytes], list[tuple[Count, int]]] = {}
        for outcome in self.outcomes.values():
            for place, counts in outcome.elsewhere.items():
                changes.setdefault(place, []).extend(counts)
        for part, known in self.report.keeps.items():
            for count in (it for convention in known.conventions for it in convention.counts if it.of_all):
                number = count.number if count.near is None else count.near[1]
                true = None if number is None else number - self._dropped_from_others(part, count)
                if true is not None and true != count.number:
                    changes.setdefault((part, count.key), []).append((count, true))
        for (part, key), counts in changes.items():
            self._change(part, values={**self._repair(part).values, key: written_together(counts)})

    def _dropped_from_others(self, part: str, count: Count) -> int:
        """Return the number of records, or of samples if it counts these, that other databases than `part` lose."""
        keeps = self.report.keeps
        accounts = [self.report.account(other) for other in keeps if other != part]
        of_records = count.number == sum(it.records - it.own for it in accounts)
        dropped = sum(number for other, number in self.others.items() if other != part)
        for other, it in self.outcomes.items():
            in_samples = not of_records and other in keeps and keeps[other].across is not None
            dropped += 0 if other == part else (it.samples or 0) if in_samples else it.dropped
        return dropped

    def list_by_position(self) -> None:
        """Remove the items of dropped records from lists that have one for each record, or for each key in a list.

        If numbers identify the records, the copy must have no gaps.
        """
        for part, known in self.report.keeps.items():
            repair = self._repair(part)
            lists = [it for one in known.conventions for it in one.lists if it.key in repair.lists and not it.groups]
            lists = [it for it in lists if it.kept_in is None and not it.places]
            by_length = {it.entries: it.key for it in lists}
            if by_length:
                several = {length for length, count in Counter(it.entries for it in lists).items() if count > 1}
                of_lists = [it for it in known.parallel if it.of_records and it.items in by_length.keys() - several]
                self._change(part, positions={it.key: (it.items, by_length[it.items]) for it in of_lists})
                continue
            dense = repair.left.pieces == 1 and repair.left.first == repair.base
            if not repair.left or not (repair.renumbered or dense):
                continue
            length = max(it.last for it in (repair.left, repair.dropped) if it) + 1 - repair.base
            counted = {it.number for one in known.conventions for it in one.counts if it.counts and not it.next}
            lengths = {length, *(it for it in counted if it is not None and it >= length)}
            fitting = [it for it in known.parallel if it.of_records and it.items in lengths]
            if repair.left.first >= repair.base:
                self._change(part, positions={it.key: (it.items, b"") for it in fitting})

    def list_elsewhere(self) -> None:
        """Remove the keys of records that the copy lacks from lists that lie in another database than the records."""
        lists: dict[tuple[str, bytes], OtherKeyList] = {}
        for part, known in self.report.keeps.items():
            for convention in known.conventions if part in self.outcomes else ():
                for it in convention.lists:
                    if it.kept_in is None:
                        continue
                    place = it.kept_in, it.key
                    count = next((one for one in convention.counts if one.of_list == it.key), None)
                    before = lists.get(place, OtherKeyList(it.form, (), count, beside=it.beside))
                    lists[place] = replace(before, repairs=(*before.repairs, self._repair(part)))
        for (part, key), key_list in lists.items():
            self._change(part, other_lists={**self._repair(part).other_lists, key: key_list})

    def list_within(self) -> None:
        """Remove the keys of records that the copy lacks from lists within other values, if their places are known."""
        lists: dict[tuple[str, bytes], OtherKeyList] = {}
        for part, known in self.report.keeps.items():
            missing = {key for it in known.listed if it.within for key in it.missing}
            renumbered = self._repair(part).renumbered
            within = [it for it in known.within if it.form and (it.pattern is None or (renumbered and it.sure))]
            repairs = self._repairs_with(part, missing) if within else ()
            account = self.report.account(part)
            records = account.records - account.own
            true_counts = {records, records - len(known.aside), *map(len, account.numbers.values())}
            for it in within if repairs else ():
                of_rows = it.count is not None and (it.count.exact or it.count.number not in true_counts)
                count = replace(it.count, of_list=it.key) if it.count is not None and of_rows else None
                lists[it.kept_in, it.key] = OtherKeyList(
                    *(it.form, repairs, count, it.places),
                    counts=it.counts,
                    pattern=it.pattern,
                    naming=it.naming,
                    numbers=it.beside,
                )
        for (part, key), key_list in lists.items():
            repair = self._repair(part)
            own = {key} if key_list.count is None else {key, key_list.count.key}
            values = {of: it for of, it in repair.values.items() if of not in own}  # its counts are those of the list
            self._change(part, other_lists={**repair.other_lists, key: key_list}, values=values)

    def list_in_records(self) -> None:
        """Remove the keys of records that the copy lacks from the records that list them.

        Records that name a single one are dropped with it.
        """
        for part, known in self.report.keeps.items():
            missing = {key for it in known.listed if it.of_records and not it.unsure for key in it.missing}
            indexes = [it for it in known.indexes if can_lose(self.report, it, part)]
            repairs = self._repairs_with(part, missing) if indexes else ()
            for it in indexes if repairs else ():
                key_list = OtherKeyList(it.form, repairs)
                entries = self._entries(known, it, key_list)
                repair = self._repair(it.kept_in)
                without = frozenset(entries) if it.is_text else frozenset()  # a text cannot list nothing
                self._change(it.kept_in, indexes=(*repair.indexes, (it, key_list)), also=repair.also | without)
                before = self.outcomes[it.kept_in]
                named = () if without else entries
                self.outcomes[it.kept_in] = replace(
                    before, dropped=before.dropped + len(entries), entries=(*before.entries, *named)
                )

    def _entries(self, known: Known, index: Index, key_list: OtherKeyList) -> list[bytes]:
        """Return the keys of records that are dropped because they name a dropped one, not for their own findings."""
        listed = next((it for it in known.listed if it.of_records == index.name), None)
        if (index.form and not index.is_text) or listed is None:
            return []
        going = {named for named, _ in listed.entries if key_list.key(named) is None}
        if index.is_text:
            left = {key for named, key in listed.entries if named not in going}
            going -= {named for named, key in listed.entries if key in left}
        own = self._dropped_keys(index.kept_in) if going else set()
        keys = [key for named, key in listed.entries if named in going and key not in own]
        return list(dict.fromkeys(keys)) if index.is_text else keys

    def _dropped_keys(self, part: str) -> set[bytes]:
        """Return the keys of records that are dropped for their own findings, or because of others of their sample."""
        keys = set(self.dropped.of(part))
        keys.update(self.outcomes[part].keys_with_others() if part in self.outcomes else ())
        return keys

    def count_frames(self) -> None:
        """Subtract the dropped frames from the frame counts of each clip."""
        for part, known in self.report.keeps.items():
            if not known.frames and not known.clips and known.totals is None:
                continue
            keys = self._dropped_keys(part)
            values = {it.key: new for it in known.frames if (new := rewritten_without(it, keys)) is not None}
            for of_clips in known.clips:
                values |= counts_without(of_clips, keys, values)
            if known.totals is not None:
                values |= totals_without(known.totals, keys, self._repair(part).values.get)
            if values:
                self._change(part, values={**self._repair(part).values, **values})

    def count_kept(self) -> None:
        """Correct the numbers of records that the writer of a store kept, if they were true."""
        for part, outcome in list(self.outcomes.items()):
            known, account = self.report.keeps.get(part, Known()), self.report.account(part)
            every = {len(account.numbers[it]) for it in outcome.repair.patterns if it in account.numbers}
            values = dict(outcome.repair.values)
            for count in known.left_out.kept if every and outcome.repair.dropped else ():
                if count.number in every:
                    changed = values.get(count.key, count.raw)
                    values[count.key] = written_into(count, changed, len(outcome.repair.left))
            self._change(part, values=values)

    def _repairs_with(self, part: str, missing: Collection[bytes]) -> tuple[Repair, ...]:
        """Return the repairs that tell which keys of a database the copy lacks, `missing` included.

        There are none if it lacks no key.
        """
        gone = frozenset((*self.dropped.of(part), *missing))
        if part in self.outcomes:
            return self._repair(part), replace(NO_REPAIR, gone=gone)
        return (replace(NO_REPAIR, gone=gone),) if gone else ()

    def _repair(self, part: str) -> Repair:
        return self.outcomes[part].repair if part in self.outcomes else NO_REPAIR

    def _change(self, part: str, **changes: Any) -> None:
        """Change the repair of a database, which need not have had an outcome before."""
        before = self.outcomes.get(part) or Outcome(NO_REPAIR, self.others.pop(part, 0), None, {})
        self.outcomes[part] = replace(before, repair=replace(before.repair, **changes))


def _shares(dropped: DroppedKeys, report: Report, also: frozenset[bytes]) -> dict[str, Shares]:
    """Return by database what becomes of the samples that have records in several databases.

    A sample is dropped as a whole, whichever database holds the bad record. `also` are keys of the main database that
    are dropped in any case.
    """
    going: dict[int, tuple[Spanning, set[Sample]]] = {}
    alone: dict[str, set[bytes]] = {}
    every = chain(dropped, (("", key, False) for key in also))
    for part, key, own in every if any(it.across is not None for it in report.keeps.values()) else ():
        across = report.keeps[part].across if part in report.keeps else None
        sample = None if across is None else across.sample(part, key)
        if across is not None and sample is not None:
            going.setdefault(id(across), (across, set()))[1].add(sample)
            if own or key in also:
                alone.setdefault(part, set()).add(key)
    shares: dict[str, Shares] = {}
    for part, known in report.keeps.items():
        across = known.across
        if across is None:
            continue
        _, samples = going.get(id(across), (across, set()))
        first = part == min(across.parts)
        share = Shares(across, part, samples=len(samples) if first else None)
        if across.by_name:
            keys = (key for it in samples for database, key in across.keys(it) if database == part)
            shares[part] = replace(share, keys=frozenset(keys) - alone.get(part, set()))
        else:
            numbers = Runs((it, it + 1) for it in samples if isinstance(it, int))
            shares[part] = replace(share, dropped=numbers, **_numbering(across, report))
    return shares


def _numbering(across: Spanning, report: Report) -> dict[str, Any]:
    """Return the numbers of all samples across several databases, whether they are counted, and the first number."""
    numbers = Runs()
    for member in across.members:
        numbers += member.numbers
    conventions = [it for part in sorted(across.parts) for it in report.keeps[part].conventions]
    bases = [samples_of(it, Account(), across).base for it in conventions if it.deleted is None and it.counts]
    listed = any(it.lists for it in conventions)
    base = None if listed else next((it for it in bases if it is not None), None)
    return {"numbers": numbers, "base": base, "counted": base is not None}


def can_lose(report: Report, index: Index, part: str) -> bool:
    """Return whether records that name other records can lose these.

    Records that hold a set of keys can, unless something else depends on it. Records of another database that name one
    record each can be dropped with it, if nothing counts them.
    """
    if index.form:
        return not index.fixed and not any(
            it.ordered for it in report.keeps[part].listed if it.of_records == index.name
        )
    known = report.keeps.get(index.kept_in, Known())
    entries = (it for it in report.keeps[part].listed if it.of_records == index.name)
    counted = any(it.counts or it.lists or len(it.parts) > 1 for it in known.conventions) or known.across is not None
    return index.kept_in != part and not counted and any(it.entries for it in entries)


def refuse_parting(outcomes: Outcomes | None, report: Report, renumber: bool | None) -> None:
    """Raise RebuildFailed if numbers would be closed up in one database while another has the same numbers.

    Their records may belong together, as pictures and their labels do. A caller who sets `renumber` has decided this.
    """
    if outcomes is None or renumber is not None:
        return
    for part, outcome in outcomes.by_database.items():
        if not (outcome.repair.renumbered or outcome.elsewhere):
            continue
        for other in report.keeps:
            across = report.keeps[part].across
            if across is not None and other in across.parts:
                continue
            if other != part and have_same_numbers(report.account(part), report.account(other)):
                names = " and ".join(it or "the main one" for it in sorted((part, other)))
                message = f"the databases {names} have the same numbers, so that their records may belong together"
                hint = "--keep-numbers leaves holes where records go, --renumber closes the numbers up in each"
                raise RebuildFailed(
                    report.source.path, f"{message}, and closing them up in one would part these; {hint}"
                )


def _refuse_unread(known: Known, account: Account, source: str, *, changes: bool) -> None:
    """Raise RebuildFailed if what a database holds about its records cannot be kept true.

    That is the case if it cannot be read, or if the numbers in its keys lie in too many pieces.
    """
    for convention in known.conventions:
        if convention.unread:
            reason = f"{escape(convention.unread[0])} cannot be read, so it could not be kept true in a copy"
            raise RebuildFailed(source, f"{reason}; --convention none takes it for a record")
        unknown = scattered_text(convention, account)
        if unknown:
            reason = f"the numbers in {unknown} lie in too many pieces for {convention.name} to be kept true in a copy"
            raise RebuildFailed(source, f"{reason}; --convention none copies the records alone")
    if changes and any(it.key == KEYS and not it.form and it.places == (Place((), "items"),) for it in known.within):
        reason = f"{escape(KEYS)} has a form that is not written, so it could not be kept true in a copy"
        raise RebuildFailed(source, f"{reason}; --convention none takes it for a record")

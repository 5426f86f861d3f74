"""Recognise the conventions that a store follows, and compare them with the sums over its keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

import msgspec

from datacheck.backends.interface import READINGS, Reader, WithDatabases
from datacheck.conventions import CONVENTIONS, NONE, require_met
from datacheck.conventions.across import with_asked_samples
from datacheck.conventions.clip_tables_found import clip_tables
from datacheck.conventions.conclusions import convention_findings, list_findings, samples_of
from datacheck.conventions.counts.clip_counts import clip_counts, clip_findings
from datacheck.conventions.counts.clip_totals import clip_totals, total_findings
from datacheck.conventions.counts.frame_counts import frame_counts, frame_findings
from datacheck.conventions.counts.kept_counts import kept_and_skipped
from datacheck.conventions.counts.per_record_lengths import per_record_findings
from datacheck.conventions.counts.whole_sets import is_share
from datacheck.conventions.elsewhere import complete_conventions, with_placed_counts
from datacheck.conventions.indexes import indexes
from datacheck.conventions.interface import Convention, Known, LeftOut, ListWithin, StoreView
from datacheck.conventions.keys.account import Account, KeyWatch
from datacheck.conventions.keys.numbered_keys import Pattern, patterns
from datacheck.conventions.keys.spanning import Spanning
from datacheck.conventions.lists_within import lists_within
from datacheck.conventions.naming_records import Index
from datacheck.conventions.projects.ocr import uncounted_findings
from datacheck.conventions.recognising import recognised
from datacheck.conventions.set_stems import SetStems
from datacheck.conventions.terminated import end_findings
from datacheck.conventions.values.aligned import Parallel
from datacheck.model.blocks import Layout, Shard
from datacheck.model.finding import Finding
from datacheck.model.profile import Profile
from datacheck.scanning.blame import Blamed, blaming
from datacheck.scanning.keys.brief import Brief, recognise_briefly
from datacheck.scanning.keys.further_keys import further_keys
from datacheck.scanning.keys.keys_compared import named_by_records, stem_groups, with_frame_counts
from datacheck.scanning.keys.keys_read import CompareLists, small_value_of
from datacheck.scanning.keys.parallel import parallel_lists
from datacheck.scanning.keys.sample_keys import KEYS_A_PROBE, Keys, SampleKeys, probe_limits
from datacheck.scanning.keys.spanning import with_spanning
from datacheck.scanning.keys.views import view_of
from datacheck.scanning.profile.probing import probes_of_keys
from datacheck.scanning.profile.taking import Taken
from datacheck.scanning.tasks import Job, Task, TaskDied, own_seconds, require_result, run_one
from datacheck.workers.interface import PATIENCE, Death, Engine, Watch

ENOUGH_KEYS = 256
"""Number of the keys read for the profile that is enough to recognise conventions."""
MOST_ASKED = 64
"""Maximum number of databases in which values are looked up; each costs milliseconds."""
PLAIN = 0.9
"""Minimum share of a database's keys that must follow one numbering."""
FEW_PARTS = 16
"""Number of databases above which each is taken for a sequence or a class, whose keys all begin alike."""
DEATHS = 4
"""Maximum number of attempts to read the probes, each without the probe that failed before."""


Kept = dict[str, Known]
"""What is known about the conventions of each database of a store; "" is the main database."""


def recognise(pool: Engine[Task], layout: Layout, taken: Taken) -> Kept | Death:
    """Return the conventions that a store follows, judged by the keys at its probes, or the Death of reading these.

    The keys that the profile was `taken` from are used if they are enough; otherwise more are read. Probes that the
    profile left out are left out here, and so is a probe that fails: the scan finds out by itself what is wrong there.
    But if there was not enough time for any probe, as on a slow disk, it is unknown what the store keeps, and that
    Death is returned. If the profile is empty since nothing could be read for it, no attempt is made: that has been
    reported already.
    """
    keys = _sampled_keys(pool, layout, taken)
    return keys if isinstance(keys, Death) else _recognise_by_keys(pool, layout, keys) if keys else {}


def plain_numbering(pool: Engine[Task], layout: Layout, taken: Taken) -> dict[str, Pattern]:
    """Return, by database, the pattern that nearly all of its sampled keys follow, if they follow one."""
    keys = _sampled_keys(pool, layout, taken)
    numberings = {}
    for part, part_keys in () if isinstance(keys, Death) else keys.items():
        first, *_ = (*patterns(part_keys).items(), (None, 0))
        if first[0] is not None and first[1] >= max(PLAIN * len(part_keys), 2):
            numberings[part] = first[0]
    return numberings


def _sampled_keys(pool: Engine[Task], layout: Layout, taken: Taken) -> Keys | Death:
    """Return sampled keys of each database, or none if they cannot be read."""
    if taken.empty or not probes_of_keys(layout.probes):
        return {}
    if _are_enough(taken.keys, layout):
        return taken.keys
    without = {left.probe for left in taken.left}
    count, limit = probe_limits(layout)
    chosen = {at * max(0, len(layout.probes) - 1) // max(1, count - 1): None for at in range(count)}
    firsts = {probe.part: number for number, probe in reversed([*enumerate(layout.probes)])}
    numbers = [number for number in sorted({*chosen, *firsts.values()}) if number not in without]
    small = {it: records for it, records in _sizes(layout).items() if records <= KEYS_A_PROBE}
    read: Any = None
    for _ in range(DEATHS):
        read = run_one(pool, SampleKeys(tuple((it, layout.probes[it]) for it in numbers), limit, small))
        if not isinstance(read, Death):
            break
        if read.note in numbers:
            numbers.remove(read.note)
    if isinstance(read, Death):
        return read if read.timed_out else {}
    return cast("Keys", read)


def followed(layout: Layout, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the conventions that the structure of a store follows, limited to those that are `wanted`.

    Raises UsageError if a wanted one is not among them, unless conventions can be recognised by the keys of the store.
    """
    names = tuple(it for it in CONVENTIONS if it in layout.keeps)
    if not wanted or wanted == (NONE,):
        return () if wanted else names
    if not probes_of_keys(layout.probes):
        require_met(wanted, {*names, *READINGS})
    return tuple(it for it in names if it in wanted)


def _are_enough(keys: Keys, layout: Layout) -> bool:
    """Return whether the keys of each database are all that it has, or enough to recognise what the store keeps."""
    parts = {it.part for it in layout.probes}
    if not keys or (len(parts) > 1 and parts != keys.keys()):
        return False
    enough, whole = min(ENOUGH_KEYS, layout.records or ENOUGH_KEYS), _wholly_known(keys, layout)
    return all(part in whole or len(part_keys) >= enough for part, part_keys in keys.items())


def _sizes(layout: Layout) -> dict[str, int]:
    """Return the number of records of each database for which it is known."""
    sizes: dict[str, int] = {}
    unknown = {it.part for it in layout.shards if it.records is None}
    for shard in layout.shards:
        if shard.records is not None and shard.part not in unknown:
            sizes[shard.part] = sizes.get(shard.part, 0) + shard.records
    return sizes


def _wholly_known(keys: Keys, layout: Layout) -> frozenset[str]:
    """Return the databases all of whose keys are known."""
    if sum(map(len, keys.values())) == layout.records:
        return frozenset(keys)
    sizes = _sizes(layout)
    return frozenset(part for part, part_keys in keys.items() if len(part_keys) == sizes.get(part))


def _recognise_by_keys(pool: Engine[Task], layout: Layout, keys: Keys) -> Kept | Death:
    whole = _wholly_known(keys, layout)
    asked = sorted(keys.keys() - whole)[:MOST_ASKED]
    examined = {it: keys[it] for it in keys if it in whole or it in asked}
    brief = Brief({}, frozenset())
    if len({it.part for it in layout.shards}) > MOST_ASKED:
        read = recognise_briefly(pool, layout, examined, _sizes(layout))
        if isinstance(read, Death):
            return read
        brief = read
    result: Kept | Death = run_one(pool, Recognise(examined, whole, brief.met))
    return result if isinstance(result, Death) or not (result and brief.kept) else result | brief.kept


def unexamined_count(layout: Layout, kept: Kept) -> int:
    """Return the number of databases that were not examined as a whole, since only some of very many are.

    Tables of HDF5 are no databases: their records have no keys of their own.
    """
    if not probes_of_keys(layout.probes):
        return 0
    parts = {it.part for it in (layout.shards if kept else layout.probes)}  # nothing is kept in the shards of HDF5
    if len(parts) <= MOST_ASKED:
        return 0
    return len(parts - kept.keys()) + sum(known.brief for known in kept.values())


class Recognise(msgspec.Struct, frozen=True):
    """A task that returns the conventions of each database of a store, judged by some of its keys.

    Of databases in `whole` all keys are given. Conventions in `met` are followed by databases that are not examined
    here.
    """

    keys: Keys
    whole: frozenset[str] = frozenset()
    met: frozenset[str] = frozenset()

    def run(self, job: Job, watch: Watch) -> Kept:
        watch.timeout, watch.patience = own_seconds(job.settings), PATIENCE
        watch.note(None)
        wanted = job.settings.conventions
        met = {*self.met}
        try:
            with blaming("unreadable"):
                several = job.reader.databases() if isinstance(job.reader, WithDatabases) else {}
            keys = {part: self._with_further_keys(job.reader, watch, part) for part in self.keys}
            views = {
                part: view_of(job.reader, watch, part, keys[part], whole=part in self.whole)
                for part in keys
                if not several.get(part)
            }
            kept = {part: tuple(recognised(views[part], wanted, met)) if part in views else () for part in self.keys}
            require_met(wanted, met)
            complete = complete_conventions(kept, views, asked=bool(wanted))
            within = [] if wanted == (NONE,) else list(lists_within(complete, views))
            complete = {part: tuple(_without_holders(part, it, within) for it in complete[part]) for part in complete}
            named: list[tuple[str, Index]] = []
            if not wanted and len(views) <= FEW_PARTS:
                named = self._indexes(job.reader, watch, views, keys, several)
                tables = list(clip_tables(views, _holders(complete)))
                of_clips = {(it.kept_in, it.holder) for _, it in tables}
                within = [it for it in within if (it[1].kept_in, it[1].key) not in of_clips]
                named += tables
        except Blamed:  # the store is damaged or being written to, which the scan itself reports
            return {}
        lists = {
            part: tuple(parallel_lists(views[part], conventions)) if part in views else ()
            for part, conventions in complete.items()
        }
        return {
            part: Known(
                conventions or _beside_lists(views.get(part), lists[part]),
                within=tuple(it for at, it in within if at == part),
                indexes=tuple(it for at, it in named if at == part),
                frames=() if wanted or part not in views else tuple(frame_counts(views[part])),
                clips=() if wanted or part not in views else tuple(clip_counts(views[part])),
                parallel=lists[part],
                share=not part and part in views and is_share(job.reader.path.name, views[part]),
                left_out=kept_and_skipped(views[part]) if part in views and conventions else LeftOut(),
                totals=None if wanted or part not in views else clip_totals(views[part]),
            )
            for part, conventions in complete.items()
        }

    def _indexes(
        self,
        reader: Reader,
        watch: Watch,
        views: Mapping[str, StoreView],
        keys: Keys,
        several: Mapping[str, bool],
    ) -> list[tuple[str, Index]]:
        """Return the records that name others, with the database that they are in."""
        of_several = {
            part: view_of(reader, watch, part, keys[part], whole=part in self.whole)
            for part in keys
            if several.get(part)
        }

        def small(part: str, key: bytes) -> bytes | None:
            watch.note(None)
            return small_value_of(reader, key, part)

        return list(indexes({**views, **of_several}, several, small))

    def _with_further_keys(self, reader: Reader, watch: Watch, part: str) -> frozenset[bytes]:
        """Return the known keys of a database, with some keys that have other prefixes."""
        if part in self.whole or len(self.keys) > FEW_PARTS:
            return self.keys[part]
        watch.note(None)
        return self.keys[part] | further_keys(reader, part)


def complete_known(
    kept: Kept, accounts: Mapping[str, Account], shards: Sequence[Shard], profile: Profile, do: Callable[[Any], Any]
) -> Kept | Death:
    """Complete what is known of a store's conventions once its keys are known; or return the Death that occurred.

    Keys are read once more, by tasks that `do` runs, if lists name them, or if the sums of stems or names show that
    parts of samples are missing.
    """
    try:
        return _compared(kept, accounts, shards, profile, partial(require_result, do))
    except TaskDied as exc:
        return exc.death


def _compared(
    kept: Kept, accounts: Mapping[str, Account], shards: Sequence[Shard], profile: Profile, do: Callable[[Any], Any]
) -> Kept:
    spanning = with_spanning(kept, accounts, shards, profile, do)
    result: Kept = {}
    of_part: dict[str, list[Shard]] = {}
    for shard in shards:
        of_part.setdefault(shard.part, []).append(shard)
    for part, known in with_asked_samples(with_placed_counts(spanning, accounts)).items():
        part_shards = tuple(of_part.get(part, ()))
        lists = tuple(it for convention in known.conventions for it in convention.lists)
        lists += tuple(it.as_list(part) for it in known.within if it.places)
        listed = do(CompareLists(part, part_shards, lists, known.own | known.aside)) if lists else ()
        counted = {count.number for convention in known.conventions for count in convention.counts}
        listed = [msgspec.structs.replace(it, sure=it.sure or it.number in counted) for it in listed]
        named_samples = {one.number for it, one in zip(lists, listed, strict=True) if it.naming is not None and it.sure}
        stems = stem_groups(known, accounts.get(part) or Account(), part_shards, do, named_samples)
        named = named_by_records(known, part_shards, shards, do)
        with_frames = with_frame_counts(known, part_shards, do)
        result[part] = msgspec.structs.replace(with_frames, listed=(*listed, *named), stems=stems)
    return result


def _beside_lists(view: StoreView | None, lists: Sequence[Parallel]) -> tuple[Convention, ...]:
    """Return a convention of the records beside lists with a number for each, so that these are counted."""
    own = frozenset(it.key for it in lists if it.of_records)
    return (Convention("", view.parts, own=own, named=False),) if view is not None and own else ()


def _holders(conventions: Mapping[str, Sequence[Convention]]) -> frozenset[tuple[str, bytes]]:
    """Return the database and the key of each record that holds the lists of a convention."""
    return frozenset(
        (part if it.kept_in is None else it.kept_in, it.key)
        for part, every in conventions.items()
        for one in every
        for it in one.lists
    )


def _without_holders(part: str, convention: Convention, within: Sequence[tuple[str, ListWithin]]) -> Convention:
    """Return a convention whose own records include those of its database that hold lists of the other records."""
    holders = {it.key for of, it in within if of == it.kept_in == part} - convention.own
    if convention.named or not (convention.counts or convention.lists) or not holders:
        return convention
    return msgspec.structs.replace(convention, aside=convention.aside | holders)


def watch_of(kept: Kept) -> dict[str, KeyWatch] | None:
    """Return what a scan has to note for conventions in each database, or None if that is nothing."""
    if not any(known.conventions for known in kept.values()):
        return None
    watches = {}
    for part, known in kept.items():
        parts = dict.fromkeys(it for one in known.conventions for it in (*one.parts, *one.further))
        stems = next((it.stems for it in known.conventions if it.stems is not None), None)
        if isinstance(stems, SetStems):  # told by numbers
            parts, stems = dict.fromkeys((*parts, *stems.patterns)), None
        frames = next((it.frames for it in known.conventions if it.frames is not None), None)
        naming = next((it.naming for it in known.conventions if it.naming is not None), None)
        watches[part] = KeyWatch(tuple(parts), known.own, stems, frames, naming)
    return watches


def convention_faults(kept: Kept, accounts: Mapping[str, Account]) -> Iterator[Finding]:
    """Yield the findings about conventions that the store violates."""
    for spanning in _spannings(kept):
        yield from spanning.findings()
    for part, known in kept.items():
        account = accounts.get(part) or Account()
        for finding in _untrue(known, account):
            yield msgspec.structs.replace(finding, database=part or None)
        yield from () if part else uncounted_findings(known, account)


def _untrue(known: Known, account: Account) -> Iterator[Finding]:
    if known.stems is not None:
        yield from known.stems.findings()
    for convention in known.conventions:
        yield from convention_findings(convention, account, known)
    for one in known.listed:
        yield from list_findings(one)
    for counts in known.frames:
        yield from frame_findings(counts)
    yield from clip_findings(known.clips)
    yield from per_record_findings(known, account)
    if known.totals is not None:
        yield from total_findings(known.totals, share=known.share)
    yield from end_findings(known, account)


def count_samples(kept: Kept, accounts: Mapping[str, Account]) -> int | None:
    """Return the number of samples that have several records, or None if each record is a sample."""
    counts = [it for part, known in kept.items() if (it := _groups(known, accounts.get(part) or Account())) is not None]
    counts += [it.all for it in _spannings(kept)]
    return sum(counts) if counts else None


def _spannings(kept: Kept) -> list[Spanning]:
    """Return the samples that lie in several databases, each group once."""
    spannings: list[Spanning] = []
    for known in kept.values():
        if known.across is not None and all(known.across is not it for it in spannings):
            spannings.append(known.across)
    return spannings


def _groups(known: Known, account: Account) -> int | None:
    if known.across is not None:
        return None
    if known.stems is not None:
        return known.stems.all
    for convention in known.conventions:
        result = samples_of(convention, account)
        if result.groups is not None:
            return len(result.groups.all)
    return None

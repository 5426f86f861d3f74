"""Find the samples of several records that have a bad record, by the keys of the findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from datacheck.conventions.conclusions import samples_of
from datacheck.conventions.interface import Known
from datacheck.conventions.keys.account import Account
from datacheck.model.escaping import escape, unescape
from datacheck.model.finding import Finding, full_name, key_name

SampleFinder = Callable[[bytes], "tuple[str, list[str]] | None"]
"""Returns the name of the sample that a record with this key belongs to, and all keys of the sample; None without one.

Both are prefixed with the name of the database, except the name of a sample that spans several databases.
"""


def sample_finder(known: Known, account: Account, part: str) -> SampleFinder | None:
    """Return the function that finds samples of several records in a database, or None if each record is a sample."""
    across, stems = known.across, known.stems
    if across is not None:

        def by_all(key: bytes) -> tuple[str, list[str]] | None:
            sample = across.sample(part, key)
            if sample is None:
                return None
            name = escape(sample) if isinstance(sample, bytes) else str(sample)
            return name, [key_name(sample_key, database) for database, sample_key in across.keys(sample)]

        return by_all

    def within(name: str, keys: Iterable[bytes]) -> tuple[str, list[str]]:
        return full_name(name, part), [key_name(it, part) for it in keys]

    if stems is not None:

        def by_stem(key: bytes) -> tuple[str, list[str]] | None:
            split = stems.stems.split(key)
            return None if split is None else within(escape(split[0]), stems.keys(split[0]))

        return by_stem
    groups = next((it for one in known.conventions if (it := samples_of(one, account).groups) is not None), None)
    if groups is None:
        return None

    def by_number(key: bytes) -> tuple[str, list[str]] | None:
        number = groups.number(key)
        if number is None:
            return None
        present = (it for it in groups.patterns if number in account.numbers.get(it, ()))
        return within(str(number), (it.key(number) for it in present))

    return by_number


def bad_samples(
    findings: Iterable[Finding], sample_of: Mapping[str, SampleFinder | None]
) -> Iterator[tuple[str, list[str]]]:
    """Yield the name and the keys of each sample with a bad record; `sample_of` has the function of each database."""
    yielded: set[tuple[str, str]] = set()
    for finding in findings:
        of_part = sample_of.get(finding.database or "")
        if finding.verdict != "bad" or finding.key is None or of_part is None:
            continue
        sample = of_part(unescape(finding.key))
        if sample is not None and (sample[0], sample[1][0]) not in yielded:
            yielded.add((sample[0], sample[1][0]))
            yield sample

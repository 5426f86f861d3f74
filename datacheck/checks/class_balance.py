"""Determine whether the batches of a training run contain every class, under shuffling and in key order.

A loss that is balanced by class breaks on a batch that lacks one. The share of such batches is that of drawing without
replacement (multivariate hypergeometric). Labels are kept in source order only as long as they are needed: each shard
keeps those of its records, one to eight bytes each, and the process that adds the shards up in source order holds one
batch of them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from datacheck.model.batch import Batch

ENOUGH = 0.01
"""Share of batches that may lack a class for a batch size to count as large enough."""
NAMED = 100
"""Maximum number of absent classes that are listed."""
EXACT_STEPS = 200_000_000
"""Maximum number of multiplications for an exact share; beyond it, an upper bound is computed."""
LARGEST_BATCH = 1 << 20
"""Larger batches are not counted in key order, because one batch is held in memory."""
CHANCE = 4.0
"""Label changes that are this many standard deviations fewer than the mean under shuffling are not by chance."""

Labels = tuple[str, bytes]
"""The labels of neighbouring records, in order: the NumPy dtype and the bytes."""


class Share(msgspec.Struct, frozen=True):
    """A share of batches, or an upper bound of it if not `exact`."""

    share: float
    exact: bool


class Enough(msgspec.Struct, frozen=True):
    """The smallest batch size at which under 1 % of the batches lack a class.

    If not exact, a smaller one may suffice.
    """

    batch_size: int
    exact: bool


class InKeyOrder(msgspec.Struct, frozen=True):
    """The batches in key order.

    How many there are, how many lack a class, how often the label changes between neighbours, and how often it would if
    the records were shuffled.
    """

    batches: int
    lacking: int
    changes: int
    changes_shuffled: float


class Balance(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the classes of a label fill batches of `batch_size`.

    `classes` is the number of classes there should be, `absent` how many of them never occur, `absent_first` the first
    100 of those. `expected` and `enough` are about the classes that occur, under shuffling. `rarest` is the class that
    batches lack most often.
    """

    field: str
    batch_size: int
    records: int
    classes: int
    absent: int
    absent_first: tuple[int, ...] = ()
    rarest: int | None = None
    rarest_count: int | None = None
    expected: Share | None = None
    enough: Enough | None = None
    in_key_order: InKeyOrder | None = None


class Classes(msgspec.Struct, frozen=True):
    """The labels that are classes: from `low` to `high`, without `ignored`; without bounds, all that occur."""

    low: int | None = None
    high: int | None = None
    ignored: int | None = None

    def __contains__(self, label: int) -> bool:
        above = self.low is None or label >= self.low
        return above and (self.high is None or label <= self.high) and label != self.ignored

    @property
    def count(self) -> int | None:
        """The number of classes there should be, or None if it is not known."""
        if self.low is None or self.high is None:
            return None
        without = self.ignored is not None and self.low <= self.ignored <= self.high
        return self.high - self.low + 1 - without


class LabelOrder(msgspec.Struct):
    """The labels of a source in order, reduced batch by batch: `distinct` counts batches by their number of classes."""

    size: int
    classes: Classes
    distinct: Counter[int] = msgspec.field(default_factory=Counter)
    changes: int = 0
    taken: int = 0
    last: int | None = None
    rest: Labels = ("<i8", b"")

    def take(self, labels: Labels) -> None:
        """Add the next labels."""
        import numpy as np

        new = np.frombuffer(labels[1], labels[0]).astype(np.int64)
        if not new.size:
            return
        self.changes += int((new[1:] != new[:-1]).sum()) + int(self.last is not None and self.last != new[0])
        self.last = int(new[-1])
        self.taken += new.size
        labels_so_far = np.concatenate([np.frombuffer(self.rest[1], self.rest[0]), new])
        full_batches = len(labels_so_far) // self.size * self.size
        self._count(labels_so_far[:full_batches].reshape(-1, self.size))
        self.rest = ("<i8", labels_so_far[full_batches:].tobytes())

    def _count(self, batches: NDArray[Any]) -> None:
        import numpy as np

        none = np.iinfo(np.int64).min
        low, high = self.classes.low, self.classes.high
        outside = np.zeros(batches.shape, bool)
        if low is not None:
            outside |= batches < low
        if high is not None:
            outside |= batches > high
        if self.classes.ignored is not None:
            outside |= batches == self.classes.ignored
        batches = np.sort(np.where(outside, none, batches), axis=1)
        counts = (batches[:, 1:] != batches[:, :-1]).sum(axis=1) + 1 - (batches[:, 0] == none)
        self.distinct.update(counts.tolist())


def in_order(batches: Sequence[Batch]) -> Labels | None:
    """Return the labels of a block's records in order; if there are several label fields, the first by name.

    Values that are not integers are left out, and so are fields with several values per record, as classes cannot be
    made of those. Return None if no labels remain.
    """
    import numpy as np

    name = min(batch.field for batch in batches)
    rows: list[int] = []
    values = []
    for batch in batches:
        if batch.field != name or not len(batch.rows) or batch.width != 1:
            continue
        labels = np.asarray(batch.values).reshape(-1)
        kept = np.asarray(batch.rows)
        if labels.dtype.kind == "f":
            are_integers = np.isfinite(labels) & (labels == np.floor(labels)) & (np.abs(labels) < 2**53)
            labels, kept = labels[are_integers], kept[are_integers]
        rows += kept.tolist()
        values.append(labels.astype(np.int64))
    if not rows:
        return None
    ordered = np.concatenate(values)[np.argsort(rows, kind="stable")]
    small = np.promote_types(np.min_scalar_type(int(ordered.min())), np.min_scalar_type(int(ordered.max())))
    if small.kind != "i" and small.kind != "u":
        small = np.dtype(np.int64)
    return small.str, ordered.astype(small).tobytes()


def balance(name: str, counts: Mapping[int, int], size: int, classes: Classes, order: LabelOrder | None) -> Balance:
    """Return the balance of a label field with the histogram `counts`; `order` is None for a sample."""
    present = {label: count for label, count in counts.items() if label in classes}
    records = sum(counts.values())
    wanted = classes.count if classes.count is not None else len(present)
    first = tuple(_absent(present, classes)) if len(present) < wanted else ()
    result = Balance(name, size, records, wanted, wanted - len(present), first)
    if not present:
        return result
    rarest = min(present, key=lambda label: (present[label], label))
    observed = None
    if order is not None and order.taken:
        batches = order.distinct.total()
        lacking = sum(count for distinct, count in order.distinct.items() if distinct < len(present))
        changes = shuffled_changes(list(counts.values()))[0]
        observed = InKeyOrder(batches, lacking, order.changes, round(changes, 1))
    numbers = sorted(present.values())
    return msgspec.structs.replace(
        result,
        rarest=rarest,
        rarest_count=present[rarest],
        expected=lacking_share(numbers, records, size),
        enough=sufficient_batch_size(numbers, records),
        in_key_order=observed,
    )


def _absent(present: Collection[int], classes: Classes) -> Iterator[int]:
    assert classes.low is not None
    assert classes.high is not None
    named = 0
    for label in range(classes.low, classes.high + 1):
        if label not in present and label != classes.ignored:
            yield label
            named += 1
            if named == NAMED:
                return


def missing_classes(name: str, counts: Mapping[int, int], classes: Classes, values: float) -> Iterator[Finding]:
    """Yield the finding about classes that never occur in a label field with the histogram `counts`.

    A field with as many `values` per record as there are classes, all of them 0 or 1, is one-hot: the position of the 1
    gives the class, not its value. Nothing is found in it.
    """
    if classes.count is not None and math.ceil(values) == classes.count > 2 and counts.keys() <= {0, 1}:
        return
    present = {label for label in counts if label in classes}
    if classes.count is None or len(present) >= classes.count:
        return
    absent, first = classes.count - len(present), list(_absent(present, classes))
    listed = ", ".join(map(str, first[:10])) + (", ..." if absent > 10 else "")
    text = f"{absent} of {classes.count} classes never occur: {listed}"
    yield found("class-missing", text, field=name, count=absent, first=first)


def disorder(result: Balance, counts: Mapping[int, int]) -> Iterator[Finding]:
    """Yield the finding about records that are more or less sorted by class."""
    observed = result.in_key_order
    mean = None if observed is None else expected_if_sorted(list(counts.values()), observed.changes)
    if observed is not None and mean is not None:
        yield found(
            "sorted",
            f"sorted by label: it changes {observed.changes} times between neighbours, shuffled about {mean:.0f} times",
            field=result.field,
            found=observed.changes,
            expected=round(mean, 1),
        )


def expected_if_sorted(counts: Sequence[int], changes: int) -> float | None:
    """Return the expected number of label changes under shuffling if `changes` is much lower, else None."""
    mean, deviation = shuffled_changes(counts)
    return mean if changes < mean / 2 and changes < mean - CHANCE * deviation else None


def shuffled_changes(counts: Sequence[int]) -> tuple[float, float]:
    """Return the mean and the standard deviation of the number of label changes between neighbours in a random order.

    Runs of several kinds of elements: Wald and Wolfowitz 1940, in the form of Barton and David 1957.
    """
    n = sum(counts)
    if n < 2:
        return 0.0, 0.0
    squares, cubes = sum(it**2 for it in counts), sum(it**3 for it in counts)
    variance = (squares * (squares + n * (n + 1)) - 2 * n * cubes - n**3) / (n * n * (n - 1))
    return n - squares / n, math.sqrt(max(0.0, variance))


def absent_share(count: int, records: int, size: int) -> float:
    """Return the share of batches of `size` out of `records` without any of `count` records: C(n - c, b) / C(n, b)."""
    others = records - count
    if size > others:
        return 0.0
    log = math.lgamma(others + 1) - math.lgamma(others - size + 1)
    return math.exp(min(0.0, log - math.lgamma(records + 1) + math.lgamma(records - size + 1)))


def lacking_share(counts: Sequence[int], records: int, size: int) -> Share:
    """Return the share of batches that lack at least one class; `counts` are the sizes of the classes, none zero.

    Records of no class (`records` beyond the counts) fill places in a batch too. If the exact share costs too much, the
    result is bounded by the sum of the classes' own shares (Boole's inequality).
    """
    if size >= records:
        return Share(0.0, True)
    if size < len(counts):
        return Share(1.0, True)
    groups = Counter(counts)
    steps = sum(2 * number.bit_length() for number in groups.values()) * size * size
    if steps > EXACT_STEPS:
        return Share(_bound(groups, records, size), False)
    return Share(_exact(groups, records, size), True)


def _bound(groups: Mapping[int, int], records: int, size: int) -> float:
    return min(1.0, sum(number * absent_share(count, records, size) for count, number in groups.items()))


def _exact(groups: Mapping[int, int], records: int, size: int) -> float:
    """Return the exact share: one minus the share of batches that have every class at least once.

    Those are the coefficient at x^b of the product of (1 + x)^c - 1 over the classes, divided by C(n, b). Weighting x
    so that the terms are binomial probabilities keeps all of them within the range of floats, and none is subtracted.
    """
    import numpy as np

    share = size / records

    def chances(count: int) -> NDArray[Any]:
        """Return the probability of 0 to `size` successes in `count` trials."""
        largest = min(count, size)
        drawn = np.arange(largest)
        logs = np.concatenate([[0.0], np.cumsum(np.log((count - drawn) / (drawn + 1)))])
        hits = np.arange(largest + 1)
        probabilities: NDArray[Any] = np.exp(logs + hits * math.log(share) + (count - hits) * math.log1p(-share))
        return probabilities

    classless = records - sum(count * number for count, number in groups.items())
    product = chances(classless) if classless else np.ones(1)
    for count, number in groups.items():
        once = chances(count)
        once[0] = 0.0
        product = np.convolve(product, _power(once, number, size))[: size + 1]
    with_every_class = product[size] if len(product) > size else 0.0
    return float(min(1.0, max(0.0, 1.0 - with_every_class / chances(records)[size])))


def _power(base: NDArray[Any], exponent: int, size: int) -> NDArray[Any]:
    import numpy as np

    result = np.ones(1)
    while exponent:
        if exponent & 1:
            result = np.convolve(result, base)[: size + 1]
        exponent >>= 1
        if exponent:
            base = np.convolve(base, base)[: size + 1]
    return result


def sufficient_batch_size(counts: Sequence[int], records: int) -> Enough:
    """Return the smallest batch size at which less than ENOUGH of the batches lack a class."""
    groups = Counter(counts)
    upper = _first_true(1, records, lambda size: _bound(groups, records, size) < ENOUGH)
    if not lacking_share(counts, records, upper).exact:
        return Enough(upper, False)
    lower = _first_true(1, upper, lambda size: absent_share(min(counts), records, size) < ENOUGH)
    return Enough(_first_true(lower, upper, lambda size: lacking_share(counts, records, size).share < ENOUGH), True)


def _first_true(low: int, high: int, holds: Any) -> int:
    """Return the first number from `low` on for which `holds` is true; it must stay true from there up to `high`."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low


def balance_sentence(result: Balance) -> str:
    """Return the sentence that describes a balance in a report."""
    size = result.batch_size
    text = f"labels: {result.classes} classes, {counted(result.records, 'record')}; shuffled, "
    if result.expected is None:
        return text.removesuffix("; shuffled, ")
    most = "" if result.expected.exact else "at most "
    text += f"{most}{_percent(result.expected.share)} of batches of {size} lack a class"
    if result.in_key_order is not None and result.in_key_order.batches:
        text += f"; in key order {result.in_key_order.lacking:,} of {result.in_key_order.batches:,} do"
    if result.enough is not None and result.expected.share >= ENOUGH:
        text += f"; below 1 % from batches of {result.enough.batch_size:,} on"
    return text


def _percent(share: float) -> str:
    if 0 < share < 0.0001:
        return "less than 0.01 %"
    return f"{100 * share:.3g} %"

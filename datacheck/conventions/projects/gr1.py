"""Steps of robot episodes, numbered from 0 across all episodes: GR-1, Seer and similar projects (calvin2lmdb.py).

Keys are `NAME_%d` by step (rgb_static_, rel_action_, cur_episode_) and `inst_%d` by episode; `cur_step` holds the
number of the last step, pickled. A loader may start at any step; `cur_episode_%d` leads to its episode.
"""

from __future__ import annotations

from datacheck.conventions.counts.counted import form_of
from datacheck.conventions.interface import Convention, Count, StoreView
from datacheck.conventions.keys.numbered_keys import Pattern
from datacheck.conventions.values.stored_values import stored

LAST, EPISODE = b"cur_step", b"cur_episode_"
LOOKED_AT = 4
"""Number of the last steps that are looked up; a pattern without any of them is numbered by episode."""


def recognise(store: StoreView) -> Convention | None:
    """Return the convention if steps lead to their episodes and the number of the last step is stored, or None."""
    raw, first = store.value(LAST), store.pattern(EPISODE)
    if raw is None or first is None or first.width > 1 or store.value(first.key(0)) is None:
        return None
    count = Count(LAST, stored(raw), raw, form=form_of(raw), last=True)
    steps = tuple(it for it in store.frequent if it != first and _is_by_step(store, it))
    return Convention("gr-1", (first, *steps), (count,), base=0, own=frozenset({LAST})) if steps else None


def _is_by_step(store: StoreView, pattern: Pattern) -> bool:
    """Return whether records of this pattern exist for any of the last steps among the sampled keys."""
    if not pattern.before.endswith(b"_") or pattern.after or pattern.width > 1:
        return False
    episodes = [it for key in store.keys if (it := Pattern(EPISODE).number(key)) is not None]
    last = sorted(episodes)[-LOOKED_AT:]
    return any(store.value(pattern.key(it)) is not None for it in last)

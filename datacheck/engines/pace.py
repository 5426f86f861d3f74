"""How many short tasks are handed to a cluster at once."""

from __future__ import annotations

from collections import deque

SECONDS = 0.5
"""Tasks that are handed in together take about so long: a scheduler's few milliseconds do not count beside it, and
nobody waits long for the last of them."""
MOST, MOST_AHEAD = 64, 1 << 14
"""So many are handed in together, and so many are under way, at most: they and what they come to are held here."""
LOOKED_AT = 64
"""So many of the last tasks tell how long they take."""


class Pace:
    """Looks at how long tasks take, and tells how many of them take about SECONDS."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=LOOKED_AT)

    def took(self, seconds: float) -> None:
        """A task took so long."""
        self._seconds.append(seconds)

    def together(self, count: int, waiting: int | None = None) -> int:
        """Return how many to hand in together, `count` times at a time, so that all of those `waiting` are shared."""
        if not self._seconds:
            return 1
        each = sum(self._seconds) / len(self._seconds)
        most = min(MOST, MOST_AHEAD // count, int(SECONDS / max(each, SECONDS / MOST)))
        fair = most if waiting is None else -(-waiting // count)
        return max(1, min(most, fair))

"""Decide how many short tasks are submitted to a cluster together."""

from __future__ import annotations

from collections import deque

SECONDS = 0.5
"""Approximate duration of tasks that are submitted together, in seconds: long compared with the scheduler's few
milliseconds for each, short enough that the last of them does not delay the end much."""
MOST, MOST_AHEAD = 64, 1 << 14
"""Maximum number of tasks submitted together, and of tasks in progress at all: these and their results are held in
memory here."""
LOOKED_AT = 64
"""Number of recent tasks of which the mean is taken."""


class Pace:
    """Measures how long tasks take, and computes how many of them take about SECONDS."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=LOOKED_AT)

    def record(self, seconds: float) -> None:
        """Record how long a task took, in seconds."""
        self._seconds.append(seconds)

    def lot_size(self, count: int, waiting: int | None = None) -> int:
        """Return how many tasks make a lot if `count` lots run at a time and share the `waiting` tasks."""
        if not self._seconds:
            return 1
        mean = sum(self._seconds) / len(self._seconds)
        limit = min(MOST, MOST_AHEAD // count, int(SECONDS / max(mean, SECONDS / MOST)))
        fair_share = limit if waiting is None else -(-waiting // count)
        return max(1, min(limit, fair_share))

"""What a worker's process, or a template's, begins with: its arguments."""

from __future__ import annotations

from collections.abc import Sequence

from datacheck.workers.forking import fork_workers
from datacheck.workers.notes import NotePad
from datacheck.workers.pipes import PipeEnd
from datacheck.workers.serve import serve


def begin(words: Sequence[str], collecting: tuple[int, ...]) -> None:
    """Be what the first argument says, with the descriptors and the limit that follow it."""
    if words[0] == "template":
        channel, life, by_main, memory = map(int, words[1:5])
        fork_workers(channel, life, bool(by_main), memory, collecting, words[5:])
        return
    tasks, results, reading, writing, life, by_main, memory = map(int, words[1:8])
    notes = NotePad(reading, writing)
    incoming, outgoing = PipeEnd(tasks), PipeEnd(results)
    serve(incoming, outgoing, notes, life, bool(by_main), memory, collecting, words[8:])

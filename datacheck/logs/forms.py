"""Convert log lines in the forms that public forks and wrappers write to the form that Caffe itself writes.

The forms are `[0] I0427 ...` (Intel, several processes), `    [0.0] Iteration ...` with or without a glog prefix
(NVIDIA, several solvers), and `1508138445  INFO: src/caffe/solver.cpp : line 218 : Iteration ...`.
"""

from __future__ import annotations

import re

RANK = re.compile(rb" {0,8}\[\d{1,4}(?:\.\d{1,4})?\] +")
"""The number of the process or solver at the start of a line or of its message."""
SPELLED = re.compile(rb" *\d{0,20} *(INFO|WARNING|ERROR|FATAL): (?:[^ ]{0,200}/)?([^ /]{1,200}) : line (\d{1,6}) : ?")
LETTERS = {b"INFO": b"I", b"WARNING": b"W", b"ERROR": b"E", b"FATAL": b"F"}
GLOG = b"%s0101 00:00:00.000000 0 %s:%s] "
"""A prefix as glog writes it, for a line that has neither time nor thread: its letter, file and line number."""


def usual_form(line: bytes) -> bytes:
    """Return a line of a fork or wrapper in Caffe's own form, and any other line unchanged."""
    match = RANK.match(line)
    if match is not None:
        return line[match.end() :]
    match = SPELLED.match(line)
    if match is not None:
        return GLOG % (LETTERS[match[1]], match[2], match[3]) + line[match.end() :]
    return line


def message_start(line: bytes, offset: int) -> int:
    """Return the offset of a line's message: `offset`, or behind the number of a solver if there is one there."""
    match = RANK.match(line, offset)
    return offset if match is None else match.end()

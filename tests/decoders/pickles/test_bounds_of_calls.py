"""Work on records that pass the same arguments again and again, or hold many pickles before many other bytes."""

from __future__ import annotations

import pickle
import tracemalloc

from datacheck.decoders.pickles import decoder as pickles
from datacheck.decoders.pickles.machine import COPIED, WORK, Machine
from datacheck.decoders.trees.tree import Items


def test_arguments_of_calls_count_as_work() -> None:
    machine = Machine(b"")

    machine.call(machine.named("collections", "foo"), Items([*[None] * 100 * COPIED]))

    assert machine.left == WORK - 100


def test_calls_with_many_equal_arguments_are_not_walked_to_their_end() -> None:
    arguments = b"(" + b"N" * 4000 + b"tq\x00"
    calls = b"cnumpy\nmemmap\n0" + b"ccollections\nfoo\nq\x01" + b"h\x01h\x00R0" * 20

    findings = pickles.parse_pickle(Machine(b"\x80\x02" + arguments + calls + b"N.", left=8000)).findings

    assert [it.code for it in findings] == ["too-large"]


def test_class_that_is_named_often_is_kept_once() -> None:
    machine = Machine(b"")
    for number in range(300):
        machine.named("a", f"b{number}")

    named = {id(machine.named("numpy", "memmap")) for _ in range(3)}

    assert len(named) == len(machine.types) == 1


def test_bytes_behind_each_of_several_pickles_are_not_copied() -> None:
    record = pickle.dumps(1) + pickle.dumps(bytes(1 << 20), 4)
    tracemalloc.start()
    try:
        findings = pickles.parse_pickle(Machine(record)).findings
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert [it.code for it in findings] == ["trailing-data"]
    assert peak < 1 << 19

"""Test checks that are sent to a worker together: the report is the same, and each death costs only its own record."""

import os
import signal
from dataclasses import dataclass

import h5py
import numpy as np
import pytest

import datacheck
from datacheck.model.blocks import Layout, Shard
from datacheck.scanning import run, tasks
from datacheck.scanning.line import in_order
from datacheck.scanning.tasks import Several, shards_per_task


def write(path, count=90):
    with h5py.File(path, "w") as file:
        for number in range(count):
            draw = np.random.default_rng(number)
            for name in ("actions", "obs/joints"):
                file[f"data/demo_{number}/{name}"] = draw.normal(size=(10 + number % 5, 3))
        file["data/demo_7/actions"][4, 1] = np.nan
        file["data/demo_80/obs/joints"][2, 0] = np.inf
    return path


@dataclass(frozen=True)
class Deadly:
    """A validator that kills the worker that judges a certain number."""

    number: float = 0.0

    def __call__(self, batch):
        if (batch.values == self.number).any():
            os.kill(os.getpid(), signal.SIGKILL if self.number < 0 else signal.SIGABRT)
        yield from ()


def told(report):
    return [(it.key, it.index, it.code) for it in report.findings], report.statistics, report.source.records


def test_several_checks_a_task_say_what_one_by_one_say(tmp_path, monkeypatch):
    source = write(tmp_path / "a.h5")
    sent = []

    def noting(pool, reader, checks, several=1, *more):
        sent.append(several)
        return in_order(pool, reader, checks, several, *more)

    monkeypatch.setattr(run, "in_order", noting)
    reports = [datacheck.scan(source, workers=workers) for workers in (1, 2)]
    monkeypatch.setattr(tasks, "MOST_TOGETHER", 1)
    reports.append(datacheck.scan(source, workers=1))
    assert sent == [2, 2, 1]
    assert told(reports[0]) == told(reports[1]) == told(reports[2])
    assert [(it.key, it.code) for it in reports[0].findings] == [
        ("/data/demo_7[4]", "nan"),
        ("/data/demo_80/obs[2]", "inf"),
    ]


def test_what_kills_a_worker_is_named_among_checks_that_were_sent_together(tmp_path):
    source = write(tmp_path / "a.h5")
    with h5py.File(source, "r+") as file:
        file["data/demo_33/actions"][6, 2] = 77.25
    report = datacheck.scan(source, workers=2, validators=[Deadly(77.25)])
    assert {(it.key, it.code) for it in report.findings} == {
        ("/data/demo_7[4]", "nan"),
        ("/data/demo_80/obs[2]", "inf"),
        ("/data/demo_33[6]", "crash"),
    }
    assert report.checked == report.source.records


@pytest.mark.parametrize(
    ("shards", "size", "wanted"), [(63, 1, 1), (640, 1 << 20, 10), (6400, 1 << 20, 64), (640, 64 << 30, 1)]
)
def test_only_small_shards_go_together(shards, size, wanted):
    layout = Layout([Shard()] * shards, [], None, size, [], False)
    assert shards_per_task(layout) == wanted


def test_several_returns_a_tally_for_each():
    assert Several(()).run(None, None) == []

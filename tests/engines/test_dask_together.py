"""Test handing in several short tasks to a cluster at once: each has the same outcome as by itself."""

import os
import signal
import time

import msgspec
import pytest
from building import raw_records, write_lmdb

import datacheck
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.engines import Dask, far_side, pace
from datacheck.engines.pace import Pace
from datacheck.testing.engines import MEMORY, count_up, obey
from datacheck.workers.interface import Death, Step

distributed = pytest.importorskip("distributed", reason="distributed is not installed (the extra dask)")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address="127.0.0.1:0", silence_logs=50
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


@pytest.fixture
def handed_in(client, monkeypatch):
    """How many tasks were handed in at once, for each time."""
    counts = []
    submit = client.submit

    def counted(*args, **more):
        counts.append(len(args[-1]))
        return submit(*args, **more)

    monkeypatch.setattr(client, "submit", counted)
    return counts


def outcomes(client, tasks, job=obey, workers=1):
    with Dask(client)(job, workers, MEMORY) as engine:
        return list(engine.run(tasks))


def test_short_tasks_are_handed_in_together_and_keep_their_order(client, handed_in):
    assert outcomes(client, range(40)) == [(number, number) for number in range(40)]
    assert handed_in[0] == 1  # how long they take is not known yet
    assert max(handed_in) > 8
    assert sum(handed_in) == 40


def test_tasks_that_take_long_are_handed_in_by_themselves(client, handed_in, monkeypatch):
    monkeypatch.setattr(pace, "SECONDS", 1e-9)
    assert outcomes(client, range(12)) == [(number, number) for number in range(12)]
    assert set(handed_in) == {1}


def test_those_that_die_cost_none_of_those_they_came_with(client, handed_in):
    tasks = [0, 1, *(task for number in range(2, 20) for task in (number, "segfault"))]
    results = outcomes(client, tasks)
    assert max(handed_in) > 4
    assert [task for task, _ in results] == tasks
    assert [result for _, result in results if not isinstance(result, Death)] == list(range(20))
    deaths = [result for _, result in results if isinstance(result, Death)]
    assert {(death.signal, death.note) for death in deaths} == {("SIGSEGV", ("at", "segfault"))}
    assert len(deaths) == 18


def test_what_one_of_them_raises_is_raised(client):
    with pytest.raises(ValueError, match="as it was told"):
        outcomes(client, [*range(10), "raise", *range(10)])


def test_the_steps_of_each_come_before_its_result(client, handed_in):
    results = outcomes(client, [1, 2, 3, 4, 6, 7], job=count_up)
    assert max(handed_in) > 1
    for task in [1, 2, 3, 4, 6, 7]:
        assert [it for of, it in results if of == task] == [*map(Step, range(task)), "done"]


@pytest.mark.parametrize("bound", ["ENOUGH_SECONDS", "ENOUGH_BYTES"])
def test_what_takes_longer_or_gives_more_than_was_thought_gives_the_others_back(client, handed_in, monkeypatch, bound):
    monkeypatch.setattr(far_side, bound, 0)
    assert outcomes(client, range(30)) == [(number, number) for number in range(30)]
    assert max(handed_in) > 8
    assert sum(handed_in) > 30


def kill_the_worker(task, watch):
    """Kill the Dask worker that this process belongs to, if the task is "fatal"."""
    if task == "fatal":
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)
    return task


def test_one_that_takes_down_the_workers_is_found_among_those_it_came_with():
    tasks = [0, 1, 2, 3, "fatal", 4, 5, 6]
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50
        ) as cluster,  # two: on a loaded machine the first may not come back
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        client.run_on_scheduler(lambda dask_scheduler: setattr(dask_scheduler, "allowed_failures", 0))
        results = dict(outcomes(client, tasks, job=kill_the_worker))
    death = results.pop("fatal")
    assert isinstance(death, Death)
    assert death.signal == "SIGKILL"
    assert results == {number: number for number in range(7)}


def test_the_report_is_that_of_a_local_scan(client, handed_in, tmp_path):
    records = raw_records(3000)
    for number, name in enumerate(list(records)):
        if number % 700 == 3:
            records[name] = records[name][:9]
    store = write_lmdb(tmp_path / "env", records)

    def scanned(**more):
        document = msgspec.to_builtins(datacheck.scan(LmdbReader(store, 6000), **more).document())
        settings = {name: it for name, it in document["settings"].items() if name not in ("workers", "engine")}
        return {name: it for name, it in document.items() if name not in ("started", "seconds")} | {
            "settings": settings
        }

    far = scanned(engine=Dask(client))
    assert max(handed_in) > 1
    assert far == scanned(workers=1)
    assert far["bad"] == 5


@pytest.mark.parametrize(
    ("seconds", "count", "waiting", "together"),
    [
        ([], 4, 1000, 1),  # nothing is known
        ([0.01], 4, 1000, 50),
        ([0.01, 0.03], 4, 1000, 25),
        ([0.0], 4, 1000, 64),  # the maximum
        ([0.0], 4, 100, 25),  # the last tasks are shared among the workers
        ([0.0], 4, 3, 1),
        ([9.0], 4, 1000, 1),
        ([0.0], 2000, 10**6, 8),  # a large cluster: the number of tasks held here is bounded
        ([0.0], 10**6, 10**7, 1),
    ],
)
def test_how_many_are_handed_in_together(seconds, count, waiting, together):
    looked = Pace()
    for it in seconds:
        looked.record(it)
    assert looked.lot_size(count, waiting) == together

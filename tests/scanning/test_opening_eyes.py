"""Test that every worker that will check JPEGs loads what it needs for that before the first picture is judged."""

import pytest

from datacheck.errors import EyesFailed
from datacheck.model.blocks import Layout, Shard
from datacheck.model.profile import FamilyProfile, FieldProfile, Profile
from datacheck.scanning.choosing_eyes import MANY, choose_eyes, with_eyes
from datacheck.scanning.settings.make_settings import make
from datacheck.workers.interface import Death

PROFILE = Profile({"#": FamilyProfile("picture", 16, {"data": FieldProfile((3, 8, 8), "uint8", "JPEG", 1.0)})})


class Workers:
    """An engine of workers that give these answers about walking JPEGs, one each."""

    def __init__(self, said):
        self.said, self.count, self.tasks = said, len(said), []

    def run(self, tasks):
        self.tasks += tasks
        yield from zip(self.tasks, self.said, strict=False)


def layout(shards):
    return Layout([Shard("")] * shards, [], MANY, 1 << 30)


@pytest.fixture(autouse=True)
def numba(monkeypatch):
    monkeypatch.setattr("datacheck.decoders.pictures.eyes.installed", lambda: True)


@pytest.mark.parametrize(("shards", "opened"), [(1, 1), (2, 2), (40, 3)])
def test_as_many_workers_as_there_is_work_for_load_it(shards, opened):
    workers = Workers([None] * 3)
    assert with_eyes(make(), layout(shards), PROFILE, workers).eyes == "walker"
    assert len(workers.tasks) == opened


@pytest.mark.parametrize("said", ["numba is broken", Death("SIGKILL")])
@pytest.mark.parametrize("place", [0, 2])
def test_where_one_worker_cannot_none_looks_so(said, place):
    """All workers must check alike, so that the report does not depend on the worker."""
    answers = [None] * 3
    answers[place] = said
    assert with_eyes(make(), layout(9), PROFILE, Workers(answers)).eyes == "decoder"
    with pytest.raises(EyesFailed, match="numba"):
        with_eyes(make(strict_pictures=True), layout(9), PROFILE, Workers(answers))


class OnceKilled(Workers):
    """Workers of which one is killed the first time."""

    def run(self, tasks):
        first = not self.tasks
        self.tasks += tasks
        for at, task in enumerate(tasks):
            yield task, Death("SIGKILL") if first and at == 1 else None


def test_a_worker_that_is_killed_by_chance_costs_no_look():
    workers = OnceKilled([None] * 3)
    settings, unwalked = choose_eyes(make(), layout(9), PROFILE, workers)
    assert (settings.eyes, unwalked) == ("walker", None)
    assert len(workers.tasks) == 6


def test_one_that_takes_too_long_is_not_tried_again():
    workers = Workers([Death("SIGALRM")] * 2)
    assert choose_eyes(make(), layout(9), PROFILE, workers)[1] == "loading numba ended it with SIGALRM"
    assert len(workers.tasks) == 2

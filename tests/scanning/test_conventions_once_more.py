"""Test that what a store keeps beside its records is determined again if a worker was killed from outside meanwhile."""

from building import key
from scanning.test_only_task import Dying

from datacheck.model.blocks import Layout, Shard
from datacheck.scanning.keys import keeping
from datacheck.workers.interface import Death

LAYOUT = Layout([Shard()], [Shard()], 40, 0)
KEYS = {"": frozenset({b"num-samples", *map(key, range(40))})}


def test_two_kills_from_outside_decide_nothing():
    death = Death("SIGTERM")
    assert keeping._recognise_by_keys(Dying(death), LAYOUT, KEYS) == "done"
    assert keeping._recognise_by_keys(Dying(death, death), LAYOUT, KEYS) == "done"


def test_three_decide_that_it_is_not_known():
    death = Death("SIGTERM")
    assert keeping._recognise_by_keys(Dying(death, death, death), LAYOUT, KEYS).signal == "SIGTERM"

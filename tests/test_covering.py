"""Test that all pairs of parameters are covered."""

from __future__ import annotations

from itertools import combinations, product

import pytest
from covering import pairwise

CHOICES = ("abcd", [1, 2], ["x", "y", "z", "w", "v"], [True, False])


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.delenv("COMBINATIONS", raising=False)


def test_any_two_values_meet():
    chosen = pairwise(*CHOICES)
    for (first, some), (second, others) in combinations(enumerate(CHOICES), 2):
        assert {(it[first], it[second]) for it in chosen} == set(product(some, others))


def test_they_are_far_fewer_than_all_and_the_same_each_time():
    chosen = pairwise(*CHOICES)
    assert len(chosen) == len(set(chosen)) < 26 < len(list(product(*CHOICES)))
    assert chosen == pairwise(*CHOICES)


def test_two_choices_are_tried_in_every_combination():
    assert sorted(pairwise("ab", "cd")) == [("a", "c"), ("a", "d"), ("b", "c"), ("b", "d")]


def test_all_combinations_are_tried_on_request(monkeypatch):
    monkeypatch.setenv("COMBINATIONS", "all")
    assert pairwise(*CHOICES) == [*product(*CHOICES)]

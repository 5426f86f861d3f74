"""Test a loss that stands still at a share of the worst possible value, if the batch size is not known."""

from __future__ import annotations

import pytest

import datacheck

PREFIX = "I0616 00:24:30.437563 10711 "


def said(path, losses):
    lines = [f"{PREFIX}solver.cpp:228] Iteration {100 * at}, loss = {loss:g}" for at, loss in enumerate(losses)]
    path.write_text("\n".join(lines) + "\n")
    return [it.code for it in datacheck.read_log(path).findings]


@pytest.mark.parametrize("batch", [10, 32, 64])
def test_a_share_of_the_batch_is_lost_for_good(tmp_path, batch):
    standing = float(f"{87.3365 * (batch - 1) / batch:.6g}")
    assert said(tmp_path / "a.log", [2.4, 3.1, *[standing] * 12]) == ["saturated"]


def test_a_loss_that_moves_is_not(tmp_path):
    assert said(tmp_path / "a.log", [78.6029 - at for at in range(12)]) == []

"""Test that series are drawn as PNG, including gaps and marks."""

import sys

import numpy as np
import pytest

from datacheck.errors import ReportFailed, UsageError
from datacheck.reporting.plots import Line, Mark, Panel, save

PANELS = [
    Panel(
        "loss",
        [Line("train", [0, 1, 2, 3], [3, 2, np.nan, np.inf]), Line("$test$", [0, 3], [3, 1])],
        [Mark(2, "NaN $1")],
    ),
    Panel("learning rate", [Line("", np.arange(4), np.array([1, 0.1, 0.01, 0]))], logarithmic=True),
]


def test_panels_are_drawn_below_each_other(tmp_path):
    pytest.importorskip("matplotlib")
    image = pytest.importorskip("PIL.Image")
    save(tmp_path / "one.png", "a $title", PANELS[:1])
    save(tmp_path / "two.png", "a title", PANELS)
    with image.open(tmp_path / "one.png") as one, image.open(tmp_path / "two.png") as two:
        assert one.width == two.width
        assert two.height > one.height


def test_a_file_that_cannot_be_written(tmp_path):
    pytest.importorskip("matplotlib")
    with pytest.raises(ReportFailed, match="could not be written"):
        save(tmp_path / "missing" / "a.png", "title", PANELS)


def test_without_matplotlib_it_is_said_what_to_install(tmp_path, monkeypatch):
    for name in [it for it in sys.modules if it.startswith("matplotlib")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError, match="datacheck-ml"):
        save(tmp_path / "a.png", "title", PANELS)

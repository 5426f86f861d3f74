"""Test that the demo is complete even if nobody reads its output to the end, as in `datacheck demo | head`."""

import pytest

from datacheck.cli import demo as command
from datacheck.cli.entry import cli


def test_the_demo_is_complete_when_the_first_scan_is_printed(tmp_path, monkeypatch):
    def stop(report, written):
        raise BrokenPipeError

    monkeypatch.setattr(command, "print_text", stop)
    with pytest.raises(BrokenPipeError):
        cli(["demo", str(tmp_path / "demo")], standalone_mode=False)
    names = sorted(it.name for it in (tmp_path / "demo").iterdir())
    assert names == ["arrays_leveldb", "measurements.h5", "net.prototxt", "photos_lmdb"]

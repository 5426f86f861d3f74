"""Whether a scan is too late to begin is decided once: it marks nothing in a journal that it then does not fill."""

from types import SimpleNamespace

import pytest

from datacheck.scanning import store_scan
from datacheck.scanning.run import TOO_LATE
from datacheck.scanning.store_scan import Budget, StoreScan


class Passing(Budget):
    """A budget whose time is over at the second look at the clock."""

    looks = 0

    @property
    def is_spent(self):
        self.looks += 1
        return self.looks > 1


@pytest.mark.parametrize("budget", [Passing(), Budget(until=0, worked=True)], ids=["over-meanwhile", "over"])
def test_a_scan_with_a_journal_is_not_late(budget, monkeypatch):
    seen = {}
    monkeypatch.setattr(store_scan, "run", lambda *_, **options: seen.update(options))
    scan = StoreScan(None, SimpleNamespace(worked=False), budget=budget)
    listen = scan.begin(SimpleNamespace(begin=lambda report: None, journal=lambda: "journal"))
    scan.run(None, listen)
    assert (seen["journal"] is None) == (seen["until"] == TOO_LATE)

"""Tell findings that are usual in their family from those that are reported."""

from __future__ import annotations

from datacheck.model.finding import UNKNOWN_TIMES, Finding
from datacheck.model.profile import FamilyProfile


def is_usually_untimed(finding: Finding, family: FamilyProfile) -> bool:
    """Return whether a finding is about times that are NaT, as they are in many records of the family."""
    return finding.field in family.untimed and UNKNOWN_TIMES in finding.details

"""A row of the damage matrix: what was found and recovered after one damage to one store."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """The result for one damage, of which `intact` records are not touched and `recovered` are equal in the rebuild.

    `rival` is what the existing tool makes of the same files, `named` what datacheck says about them. `resurrected` is
    the number of deleted records that came back without being marked `stale` or `orphan`.
    """

    store: str
    damage: str
    size: str
    found: bool
    named: str
    intact: int
    recovered: int
    rival: str
    resurrected: int = 0

    @property
    def held(self) -> bool:
        """Whether the damage was found, all intact records were recovered and no deleted one came back unmarked."""
        return self.found and self.recovered >= self.intact and not self.resurrected

"""A row of the damage matrix: one damage to one store, what was said of it, and what came out of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """`intact` records were not touched by the damage; `recovered` of them are in a rebuild, equal to the original.

    `rival` is what today's tool makes of the same files, `named` what datacheck says of them. `resurrected` are deleted
    records that came back without being marked `stale` or `orphan`.
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
        """Whether the damage was found, and nothing that is intact was lost or came back from the dead."""
        return self.found and self.recovered >= self.intact and not self.resurrected

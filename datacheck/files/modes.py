"""Give files derived from a source no more permissions than the source has."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

OWN_FILE, OWN_FOLDER = 0o600, 0o700
"""Permissions that the owner always has on what datacheck wrote."""


def permissions_of(source: Path, files: Iterable[Path]) -> int:
    """Return the permissions that all files of a source have, minus those of users who cannot enter its folder."""
    found = 0o777
    for file in files:
        found &= file.stat().st_mode
    if source.is_dir():
        folder = source.stat().st_mode
        for shift in (0, 3):
            if not folder >> shift & stat.S_IXOTH:
                found &= ~(stat.S_IRWXO << shift)
    return found


def restrict_permissions(path: Path, openness: int) -> None:
    """Remove from a file, or from everything in a folder, the permissions that go beyond these."""
    if not path.is_dir():
        path.chmod(stat.S_IMODE(path.stat().st_mode) & (openness | OWN_FILE))
        return
    for folder, _, names in os.walk(path):
        for name in names:
            restrict_permissions(Path(folder) / name, openness)
        enter = openness | (openness & 0o444) >> 2
        Path(folder).chmod(stat.S_IMODE(Path(folder).stat().st_mode) & (enter | OWN_FOLDER))

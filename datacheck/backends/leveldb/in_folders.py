"""How to recognise a LevelDB in a folder before its reader is loaded."""

from __future__ import annotations

import re

from datacheck.backends.interface import InFolders

IN_FOLDERS = InFolders(
    suffixes=frozenset({".leveldb"}),
    files=False,
    own=re.compile(r"CURRENT|LOCK|LOG(\.old)?|lost|MANIFEST-[0-9]+|[0-9]+\.(ldb|sst|log|dbtmp)"),
    marks=re.compile(r"MANIFEST-[0-9]+|[0-9]+\.ldb"),
    needs=re.compile(r"\.?([0-9]+\.(ldb|sst|log)|MANIFEST-[0-9]+|CURRENT)(\.icloud)?"),
)

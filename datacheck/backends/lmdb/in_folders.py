"""How to recognise an LMDB environment in a folder before its reader is loaded."""

from __future__ import annotations

import re

from datacheck.backends.interface import InFolders
from datacheck.backends.lmdb.format import HEADERS, MAGIC

IN_FOLDERS = InFolders(
    suffixes=frozenset({".mdb", ".lmdb"}),
    magics=tuple((offset, magic) for offset in (12, *HEADERS) for magic in (MAGIC, MAGIC[::-1])),
    own=re.compile(r"(data|lock)\.mdb"),
    marks=re.compile(r"data\.mdb"),
    needs=re.compile(r"data\.mdb"),
)

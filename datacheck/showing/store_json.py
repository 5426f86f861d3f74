"""Render what is in a store as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec

from datacheck.showing.store import Info, Infos


def info_json(infos: Sequence[Info]) -> str:
    """Return the JSON document for one store, or for several."""
    document = msgspec.to_builtins(infos[0] if len(infos) == 1 else Infos(infos=list(infos)))
    return json.dumps(document, indent=2, allow_nan=False)

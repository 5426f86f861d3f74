"""Check the colour profiles of TIFF files."""

from __future__ import annotations

from datacheck.decoders.pictures import tiff
from datacheck.decoders.pictures.metadata import profile_problem
from datacheck.model.finding import Finding, found

PROFILE = 34675


def metadata(value: bytes) -> Finding | None:
    """Return a finding if the first page's colour profile would make its reader fail, or None.

    The pixels are sound without it.
    """
    layout = tiff.Layout(value)
    directory = layout.directory(layout.first)
    if directory is None or PROFILE not in directory.places:
        return None
    start, stop = directory.places[PROFILE]
    reason = profile_problem(value[start:stop])
    if reason is None:
        return None
    text = f"TIFF: holds a colour profile that {reason}"
    return found("corrupt-image", text, field="data", verdict="suspicious", offset=start)

"""Check SNIRF files: light measured by near-infrared spectroscopy, in channels that are a source and a detector each.

A channel is a column of the data, and a numbered group measurementList has its source, detector and wavelength, which
are counted from 1.
See https://github.com/fNIRS/snirf.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.library.looking import Looking
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted

SERIES = re.compile(rb"/nirs[0-9]*/data[0-9]+/dataTimeSeries")
CHANNEL = re.compile(rb"measurementList[0-9]+")
TIME, START_AND_STEP = b"/time", 2
WAVELENGTH, LABEL = b"wavelengthIndex", b"/dataTypeLabel"
"""The wavelength of a channel, which may be 0 for a processed one, and what that has in place of it."""
PARTS = {
    b"sourceIndex": (b"sourcePos3D", b"sourcePos2D"),
    b"detectorIndex": (b"detectorPos3D", b"detectorPos2D"),
    WAVELENGTH: (b"wavelengths",),
}
"""The numbers of the parts of a channel, and the datasets of the probe with a row for each part."""


def findings(datasets: Mapping[bytes, Dataset], groups: Sequence[bytes], look: Looking) -> Iterator[Finding]:
    """Yield findings for times and channels of another number than in the data, and for parts that are not there."""
    series = [it for it in datasets.items() if len(it[1].shape) == 2 and SERIES.fullmatch(it[0])]
    channels_of: dict[bytes, list[bytes]] = defaultdict(list)
    for group in groups if series else ():
        above, _, name = group.rpartition(b"/")
        if CHANNEL.fullmatch(name):
            channels_of[above].append(group)
    for path, dataset in series:
        above = path.rpartition(b"/")[0]
        time = datasets.get(above + TIME)
        count = 0 if time is None else math.prod(time.shape)
        if time is not None and time.shape and count not in (dataset.rows, START_AND_STEP):
            rows = {escape(path): dataset.rows, escape(time.path): count}
            text = f"{escape(path)} has {counted(dataset.rows, 'row')}, and {escape(time.path)} has {count:,}"
            yield found("row-count", text, rows=rows)
        channels = channels_of[above]
        if channels and len(channels) != dataset.shape[1]:
            columns = counted(dataset.shape[1], "column")
            text = f"{escape(path)} has {columns}, and {escape(above)} describes {counted(len(channels), 'channel')}"
            yield found("count", text, dataset=escape(path), said=len(channels), there=dataset.shape[1])
        yield from _parts(channels, above.rpartition(b"/")[0] + b"/probe/", datasets, look)


def _parts(
    channels: Sequence[bytes], probe: bytes, datasets: Mapping[bytes, Dataset], look: Looking
) -> Iterator[Finding]:
    for name, places in PARTS.items():
        of_probe = next((datasets[probe + it] for it in places if probe + it in datasets), None)
        if of_probe is None or not of_probe.shape:
            continue
        for channel in channels:
            stated = datasets.get(channel + b"/" + name)
            number = look.scalar(stated) if stated is not None and not stated.shape else None
            may_be_none = name == WAVELENGTH and number == 0 and channel + LABEL in datasets
            if number is not None and not 1 <= number <= of_probe.rows and not may_be_none:
                there = f"{escape(of_probe.path)} has {counted(of_probe.rows, 'row')}"
                text = f"{escape(channel)}: {name.decode()} is {number:,}, and {there}"
                yield found("dangling", text, dataset=escape(channel + b"/" + name), number=number)

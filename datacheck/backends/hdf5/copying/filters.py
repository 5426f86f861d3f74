"""The options of filters: what somebody gave, and what a filter made of that when the dataset was created.

A filter may put its own options before, behind or in place of those given (its `set_local`, H5Zregister): to create a
dataset like another one it has to be given what that one's was. Sources: bitshuffle `src/bshuf_h5filter.c`, SZ
`hdf5-filter/H5Z-SZ`, SZ3 `tools/H5Z-SZ3`, SPERR H5Z-SPERR, FCIDECOMP, c-blosc `hdf5/blosc_filter.c`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Options = tuple[int, ...]

NBIT, BLOSC, BITSHUFFLE, ZFP, SZ, FCIDECOMP, SZ3, BLOSC2, SPERR = (
    5, 32001, 32008, 32013, 32017, 32018, 32024, 32026, 32028,
)  # fmt: skip
REGISTERED = 256
"""Filters from this number on are not HDF5's own, and their names tell the version that was installed."""
OPTIONAL = 1
"""The flag that lets a filter fail. SPERR, which refuses small chunks, takes it away when it works out its options."""
BY_SZ = 9
"""What SZ and SZ3 are given: a mode, and four bounds in two words each."""
SPERR_GIVEN = 2


def _given_to_sperr(values: Options) -> Options:
    """Return the packed mode and quality, and what stands for missing values if that was given."""
    if len(values) <= SPERR_GIVEN:
        return values
    missing = values[0] >> 6 & 0xF
    return (values[1], missing) if missing else (values[1],)


GIVEN: dict[int, Callable[[Options], Options]] = {
    BITSHUFFLE: lambda values: values[3:],
    SZ: lambda values: values[-BY_SZ:],
    SZ3: lambda values: values[-BY_SZ:],
    FCIDECOMP: lambda values: (),
    SPERR: _given_to_sperr,
}
"""What a filter was given that keeps these options, for filters that cannot be given them as they are."""
OF_ITS_OWN: dict[int, Callable[[Options], Options]] = {
    NBIT: lambda values: (),
    BLOSC: lambda values: values[4:],
    BLOSC2: lambda values: values[4:],
    ZFP: lambda values: values[1:],
}
"""What of a filter's options neither repeats type, chunk and version, nor is worked out anew for each dataset."""


def anew(created: Any) -> None:
    """Have creation properties of a source give each filter what it was given when the source was created."""
    filters = [created.get_filter(at) for at in range(created.get_nfilters())]
    if not any(code in GIVEN for code, *_ in filters):
        return
    for code, *_ in filters:
        created.remove_filter(code)
    for code, flags, values, _ in filters:
        given = GIVEN[code](values) if code in GIVEN else values
        created.set_filter(code, flags | OPTIONAL if code == SPERR else flags, given)


def told(code: int, flags: int, values: Options, name: bytes) -> tuple[Any, ...]:
    """Return what of a filter is the same in a copy, whichever version of it is installed."""
    which = OF_ITS_OWN.get(code) or GIVEN.get(code)
    return code, flags, which(values) if which else values, name if code < REGISTERED else b""

"""Derive the options that a filter was given from those that it stored when the dataset was created.

A filter may put its own options before, after or in place of those given (its `set_local`, H5Zregister). To create a
dataset like another one, a filter must be given what the filter of that one was given. Sources: bitshuffle
`src/bshuf_h5filter.c`, SZ `hdf5-filter/H5Z-SZ`, SZ3 `tools/H5Z-SZ3`, SPERR H5Z-SPERR, FCIDECOMP, c-blosc
`hdf5/blosc_filter.c`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Options = tuple[int, ...]

NBIT, BLOSC, BITSHUFFLE, ZFP, SZ, FCIDECOMP, SZ3, BLOSC2, SPERR = (
    5, 32001, 32008, 32013, 32017, 32018, 32024, 32026, 32028,
)  # fmt: skip
REGISTERED = 256
"""Lowest number of a filter that is not HDF5's own; the names of these contain the version that was installed."""
OPTIONAL = 1
"""Flag that lets a filter fail. SPERR, which rejects small chunks, clears it when it works out its options."""
BY_SZ = 9
"""Number of options that SZ and SZ3 are given: a mode, and four bounds in two words each."""
SPERR_GIVEN = 2


def _given_to_sperr(values: Options) -> Options:
    """Return the packed mode and quality, and the option for missing values if it was given."""
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
"""By filter, the given options as a function of the stored ones, for filters that cannot be given those unchanged."""
OF_ITS_OWN: dict[int, Callable[[Options], Options]] = {
    NBIT: lambda values: (),
    BLOSC: lambda values: values[4:],
    BLOSC2: lambda values: values[4:],
    ZFP: lambda values: values[1:],
}
"""By filter, the stored options that neither repeat type, chunk and version nor are computed for each dataset."""


def restore_options(created: Any) -> None:
    """Set the filters in creation properties of a source to the options that they were given at its creation."""
    filters = [created.get_filter(at) for at in range(created.get_nfilters())]
    if not any(code in GIVEN for code, *_ in filters):
        return
    for code, *_ in filters:
        created.remove_filter(code)
    for code, flags, values, _ in filters:
        given = GIVEN[code](values) if code in GIVEN else values
        created.set_filter(code, flags | OPTIONAL if code == SPERR else flags, given)


def stable_properties(code: int, flags: int, values: Options, name: bytes) -> tuple[Any, ...]:
    """Return the properties of a filter that are the same in a copy, whichever version of it is installed."""
    select = OF_ITS_OWN.get(code) or GIVEN.get(code)
    return code, flags, select(values) if select else values, name if code < REGISTERED else b""

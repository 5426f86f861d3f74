"""HDF5 filters, by the number registered with The HDF Group, and the package that provides them."""

import math

SHIPPED = {
    307: "bzip2",
    32001: "blosc",
    32004: "lz4",
    32008: "bitshuffle",
    32013: "zfp",
    32015: "zstd",
    32017: "sz",
    32018: "fcidecomp",
    32024: "sz3",
    32026: "blosc2",
    32028: "sperr",
    32033: "htj2k",
}
"""Filters that hdf5plugin provides."""
OTHERS = {4: "szip", 305: "lzo", 32000: "lzf", 32002: "mafisc", 32003: "snappy", 32010: "zstd-trained", 32020: "vbz"}
"""Filters that hdf5plugin does not provide."""
BUILT_IN = frozenset({1, 2, 3, 4, 5, 6, 32000})
"""Filters that are part of the HDF5 library, or that h5py registers."""
DEFLATED = 1032
"""Maximum number of bytes that deflate expands one byte to (zlib's technical details: 258 bytes from two bits)."""


def inflates(filters: tuple[int, ...], stored: int) -> float:
    """Return the maximum number of bytes that these filters decode from `stored` bytes; infinite if any is unknown."""
    if not {1, 2, 3}.issuperset(filters):
        return math.inf
    times: int = DEFLATED ** filters.count(1)
    return stored * times

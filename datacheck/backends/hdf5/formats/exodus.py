"""Recognise meshes of ExodusII in netCDF-4.

See https://sandialabs.github.io/seacas-docs/sphinx/html/index.html. The variables of a block of elements end with its
number: `connect3` and `attrib3`. Each block has as many elements, nodes and attributes as its own dimensions say, so
such variables are not samples that are alike.
"""

from __future__ import annotations

from datacheck.backends.hdf5.library.looking import Looking

STATED = frozenset((b"api_version", b"floating_point_word_size"))
"""Attributes of the root group of each mesh."""


def is_mesh(look: Looking) -> bool:
    """Check whether a file is a mesh, by the attributes of its root group."""
    return STATED.issubset(look.names(b""))

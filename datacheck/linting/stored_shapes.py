"""Read the record shapes from those databases named by a network that exist."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from datacheck.caffe.geometry import Shape
from datacheck.caffe.network import Layer
from datacheck.errors import DatacheckError
from datacheck.files.regular import real_path
from datacheck.linting.rule_input import Folders
from datacheck.scanning.settings.make_settings import make

PROBES = 4
"""Number of places in a database at which records are sampled."""
MOST_STORES = 16
"""Maximum number of databases that are sampled; a network has a few."""


@dataclass
class StoredShapes:
    """A cache of record shapes that samples each database once.

    `sampled` has the shape by the database's path and the number of channels that the layer forces (None: it forces
    none). The shape is None if the sampled records differ in shape.
    """

    sampled: dict[tuple[Path, int | None], Shape | None] = field(default_factory=dict)

    def shapes_of(self, layers: Iterable[Layer], folders: Folders) -> dict[str, Shape]:
        """Return the shapes of the records that Data layers read, by layer name, if they are known."""
        shapes = {}
        for layer in layers:
            shape = self._shape_of(layer, folders) if layer.type == "Data" and not layer.old else None
            if shape is not None:
                shapes[layer.name] = shape
        return shapes

    def _shape_of(self, layer: Layer, folders: Folders) -> Shape | None:
        path = folders.database(layer.message.data_param.source)
        if path is None:
            return None
        transform = layer.message.transform_param
        colour = 3 if transform.force_color else 1 if transform.force_gray else None
        key = real_path(path), colour
        if key not in self.sampled:
            self.sampled[key] = _sample_shape(path, colour) if len(self.sampled) < MOST_STORES else None
        return self.sampled[key]


def _sample_shape(path: Path, colour: int | None) -> Shape | None:
    """Return the common shape of a database's sampled records, or None if there is none.

    Errors in the database also yield None, because reporting them is up to a scan.
    """
    from datacheck.backends import open_store
    from datacheck.scanning.profile.record_shapes import sample_source

    try:
        reader = open_store(path)
        if reader.backend not in ("lmdb", "leveldb"):
            return None
        shape = sample_source(reader, make(workers=1), colour, most=PROBES).only
    except (DatacheckError, OSError, ValueError):
        return None
    return shape if shape is not None and len(shape) == 3 and min(shape) > 0 else None

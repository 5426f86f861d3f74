"""Test that the dimensions of a netCDF file of many variables are looked up once each."""

from collections import Counter

import h5py
import numpy as np

from datacheck.backends.hdf5.samples.scales import Dimensions


class Counting(Dimensions):
    """Dimensions that count how often the path of each was searched for."""

    def __init__(self, h5):
        super().__init__(h5)
        self.searched = Counter()

    def _dimension_path(self, scale):
        name = super()._dimension_path(scale)
        self.searched[name] += 1
        return name


def test_the_path_of_a_dimension_is_searched_for_once(tmp_path):
    with h5py.File(tmp_path / "a.nc", "w") as file:
        dimensions = Counting(h5py)
        for number, (name, count) in enumerate({"time": 20, "lat": 6}.items()):
            scale = file.create_dataset(name, data=np.arange(count), maxshape=(None,))
            scale.make_scale(name)
            scale.attrs["_Netcdf4Dimid"] = np.int32(number)
        for number in range(12):
            variable = file.create_dataset(f"v{number}", (18 if number == 5 else 20, 6), "f4", maxshape=(None, None))
            for axis, name in enumerate(("time", "lat")):
                variable.dims[axis].attach_scale(file[name])
            dimensions.add(variable.id, b"v%d" % number, [b"DIMENSION_LIST"])
    assert dimensions.searched == {b"/time": 1, b"/lat": 1}
    (finding,) = dimensions.findings()
    assert finding.message.startswith("v5 has 18 of the 20 values along /time")

"""Test folders with files of volumes and files of slices of them, as ACDC has them."""

import commanding
import h5py
import numpy as np
import pytest

SIZE = (40, 36)


def case(path, shape, *, nan=False):
    rng = np.random.default_rng(len(path.name))
    path.parent.mkdir(exist_ok=True)
    image, label = rng.random(shape).astype("f4"), rng.integers(0, 4, shape).astype("u1")
    if nan:
        image[..., 3, 4] = np.nan
    with h5py.File(path, "w") as file:
        file["image"], file["label"] = image, label


def acdc(folder, *, slices="slices", odd=None):
    """Write four volumes with eight slices each; `odd` is the name and shape of a file that differs."""
    shapes = {folder / f"patient{at:03d}_frame01.h5": (8, *SIZE) for at in range(1, 5)}
    shapes |= {
        folder / slices / f"patient{at:03d}_frame01_slice_{nth}.h5": SIZE for at in range(1, 5) for nth in range(8)
    }
    folder.mkdir()
    for path, shape in shapes.items():
        case(path, odd[1] if odd and path.name == odd[0] else shape)
    return folder


@pytest.mark.parametrize("slices", ["slices", "."])
def test_volumes_beside_their_slices_are_clean(tmp_path, slices):
    said = commanding.datacheck("scan", acdc(tmp_path / "acdc", slices=slices))
    assert (said.returncode, "clean" in said.stdout) == (0, True), said.stdout


@pytest.mark.parametrize(
    "odd",
    [
        ("patient003_frame01_slice_3.h5", (1, *SIZE)),
        ("patient003_frame01_slice_3.h5", (40, 16)),
        ("patient003_frame01.h5", SIZE),
        ("patient003_frame01.h5", (1, 8, *SIZE)),
    ],
)
def test_a_file_of_another_shape_than_those_of_its_kind_is_bad_alone(tmp_path, odd):
    said = commanding.datacheck("scan", acdc(tmp_path / "acdc", odd=odd))
    assert said.returncode == 1
    assert "shape (bad): 1\n" in said.stdout, said.stdout
    assert f"the file {odd[0]}" in said.stdout.replace("slices/", "")


def test_a_bad_value_is_found_and_goes_with_its_file(tmp_path):
    folder = acdc(tmp_path / "acdc")
    case(folder / "patient002_frame01.h5", (8, *SIZE), nan=True)
    said = commanding.datacheck("rebuild", folder, tmp_path / "copy", "--drop-bad")
    assert "with all of patient002_frame01.h5" in said.stdout
    assert commanding.datacheck("scan", tmp_path / "copy").returncode == 0

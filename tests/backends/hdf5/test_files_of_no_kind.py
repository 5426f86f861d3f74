"""Test files of another number of axes than all others: a kind of files has several, or is a volume of slices."""

import commanding
import h5py
import numpy as np
import pytest

SIZE = (24, 20)
WORDS = ("amber", "birch", "cedar")


def folder(path, shapes):
    for at, (name, shape) in enumerate(shapes.items()):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(path / f"{name}.h5", "w") as file:
            file["image"] = np.random.default_rng(at).random(shape).astype("f4")
    return path


@pytest.mark.parametrize("odd", ["case_7_b", "golden"])
def test_one_file_of_fewer_axes_is_no_kind_of_files(tmp_path, odd):
    names = [f"case_{at}" if "_" in odd else chr(97 + at) * 5 for at in range(20)]
    said = commanding.datacheck("scan", folder(tmp_path / "a", {**dict.fromkeys(names, (10, *SIZE)), odd: SIZE}))
    assert said.returncode == 1, said.stdout
    assert "shape (bad)" in said.stdout


@pytest.mark.parametrize(
    "shapes",
    [
        {"volume": (6, *SIZE)} | {f"slice_{at}": SIZE for at in range(6)},
        dict.fromkeys(WORDS, (3, *SIZE)) | {f"{it}_slice_{at}": SIZE for it in WORDS for at in range(3)},
        dict.fromkeys(WORDS, (3, *SIZE)) | {f"{it}/{at}": SIZE for it in WORDS for at in range(3)},
    ],
)
def test_volumes_with_names_of_their_own_are_those_of_their_slices(tmp_path, shapes):
    said = commanding.datacheck("scan", folder(tmp_path / "a", shapes))
    assert (said.returncode, "clean" in said.stdout) == (0, True), said.stdout

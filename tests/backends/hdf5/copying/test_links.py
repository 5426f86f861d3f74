"""Links in a folder of HDF5 files: a copy has no file that the folder has not, and says which links it lacks."""

import os

import pytest

h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")

import datacheck  # noqa: E402

OUT = "a link that leads out of the folder, or to nothing that is copied; not copied"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "g"
    (folder / "more").mkdir(parents=True)
    with h5py.File(folder / "a.h5", "w") as file:
        file["data"] = np.arange(60.0).reshape(20, 3)
    with h5py.File(tmp_path / "far.h5", "w") as file:
        file["data"] = np.arange(30.0).reshape(10, 3)
    (folder / "far.h5").symlink_to(tmp_path / "far.h5")
    (folder / "more" / "x.txt").write_text("x")
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "secret").write_text("secret")
    return folder


INSIDE = {
    "text": ("more/x.txt", "more/x.txt"),
    "folder": ("more", "more"),
    "more/up": ("../a.h5", "../a.h5"),
    "more/far": ("../far.h5", "../far.h5"),
    "chain": ("text", "more/x.txt"),
    "itself": (".", "."),
    "around": ("../g/more/x.txt", "more/x.txt"),
}
OUTSIDE = {
    "secret": "../private/secret",
    "private": "../private",
    "more/above": "../..",
    "through": "secret",
    "back": "../private/back",
    "system": "/etc/hostname",
}


def spoil(folder):
    with h5py.File(folder / "a.h5", "r+") as file:
        file["data"][3, 1] = np.nan


@pytest.mark.parametrize("damaged", [False, True])
def test_links_that_lead_inside_stay_links_and_others_are_named(folder, tmp_path, damaged):
    for name, (text, _) in INSIDE.items():
        (folder / name).symlink_to(text)
    (folder / "absolute").symlink_to(folder / "more" / "x.txt")
    for name, text in OUTSIDE.items():
        (folder / name).symlink_to(text)
    (tmp_path / "private" / "back").symlink_to(tmp_path / "private" / "secret")
    if damaged:
        spoil(folder)
        with pytest.raises(datacheck.UsageError, match="secret: a link that leads out"):
            datacheck.rebuild(folder, tmp_path / "copy", drop_bad=True)
    receipt = datacheck.rebuild(folder, tmp_path / "copy", drop_bad=True, accept_losses=damaged)
    copy = tmp_path / "copy"
    assert receipt.unkept == [f"{name}: {OUT}" for name in sorted(OUTSIDE)]
    assert not [name for name in OUTSIDE if os.path.lexists(copy / name)]
    made = {name: str((copy / name).readlink()) for name in (*INSIDE, "absolute")}
    assert made == {name: goal for name, (_, goal) in INSIDE.items()} | {"absolute": "more/x.txt"}
    for name in made:
        assert (copy / name).resolve().is_relative_to(copy)
    assert not (copy / "far.h5").is_symlink()
    everything = b"".join(it.read_bytes() for it in copy.rglob("*") if it.is_file())
    assert b"secret" not in everything


def test_a_folder_without_links_loses_nothing(folder, tmp_path):
    spoil(folder)
    receipt = datacheck.rebuild(folder, tmp_path / "copy", drop_bad=True)
    assert receipt.unkept == []
    assert (tmp_path / "copy" / "more" / "x.txt").read_text() == "x"


def test_links_round_in_a_circle_and_to_nothing_are_named(folder, tmp_path):
    (folder / "one").symlink_to("two")
    (folder / "two").symlink_to("one")
    (folder / "gone").symlink_to("nothing")
    receipt = datacheck.rebuild(folder, tmp_path / "copy")
    assert receipt.unkept == [f"{name}: neither a file nor a folder; not copied" for name in ("gone", "one", "two")]


def test_a_source_that_is_a_link_itself(folder, tmp_path):
    (folder / "text").symlink_to("more/x.txt")
    (tmp_path / "alias").symlink_to(folder)
    receipt = datacheck.rebuild(tmp_path / "alias", tmp_path / "copy")
    assert (receipt.unkept, str((tmp_path / "copy" / "text").readlink())) == ([], "more/x.txt")

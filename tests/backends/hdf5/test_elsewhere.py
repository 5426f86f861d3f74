"""What leads to other files is not followed: it is said, and a copy without a record is no success."""

import h5py
import numpy as np
import pytest

from datacheck import checksum, rebuild, scan
from datacheck.errors import RebuildFailed


def link(file, target):
    file["out"] = h5py.ExternalLink(target, "/x")


def shown(file, target):
    layout = h5py.VirtualLayout((6, 2), "f8")
    layout[:] = h5py.VirtualSource(target, "x", (6, 2))
    file.create_virtual_dataset("out", layout)


def raw(file, target):
    file.create_dataset("out", (6, 2), "f8", external=[(target, 0, 96)])


LEADS = pytest.mark.parametrize("leads", [link, shown, raw])


def store(path, leads, target="other.h5", **beside):
    with h5py.File(path, "w") as file:
        leads(file, target)
        for name, values in beside.items():
            file[name] = values
    return path


@pytest.fixture
def other(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = np.ones((6, 2))
    return tmp_path / "other.h5"


@LEADS
def test_what_is_there_is_not_followed(tmp_path, leads, other):
    report = scan(store(tmp_path / "a.h5", leads), workers=1)
    (finding,) = report.findings
    assert (report.status, finding.code) == (3, "unsupported")
    assert "other.h5" in finding.message


@LEADS
def test_what_is_not_there_is_missing(tmp_path, leads):
    report = scan(store(tmp_path / "a.h5", leads, "gone.h5"), workers=1)
    (finding,) = report.findings
    assert (report.status, finding.code) == (1, "missing")
    assert "a file that is not there: gone.h5" in finding.message


@LEADS
@pytest.mark.parametrize("target", ["/nowhere/gone.h5", "../gone.h5"])
def test_nothing_is_looked_for_outside_the_folder(tmp_path, leads, target):
    report = scan(store(tmp_path / "a.h5", leads, target), workers=1)
    assert (report.status, [it.code for it in report.findings]) == (3, ["unsupported"])


@LEADS
@pytest.mark.own_workers  # they have the working folder of who starts them
def test_the_library_looks_in_the_working_folder_as_well(tmp_path, monkeypatch, leads, other):
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path)
    report = scan(store(tmp_path / "below" / "a.h5", leads), workers=1)
    assert (report.status, [it.code for it in report.findings]) == (3, ["unsupported"])


@LEADS
@pytest.mark.parametrize("options", [{}, {"drop_bad": True}, {"dry_run": True}])
def test_a_copy_that_would_hold_no_record_is_refused(tmp_path, leads, other, options):
    with pytest.raises(RebuildFailed, match="no record that could be read, so a copy would have none: /out is"):
        rebuild(store(tmp_path / "a.h5", leads), tmp_path / "copy.h5", workers=1, **options)
    assert not (tmp_path / "copy.h5").exists()


@LEADS
def test_nothing_is_written_of_what_is_missing(tmp_path, leads):
    receipt = rebuild(store(tmp_path / "a.h5", leads, "gone.h5"), tmp_path / "copy.h5", drop_bad=True, workers=1)
    assert (receipt.written, [it.code for it in receipt.lost]) == (False, ["missing"])


@LEADS
def test_what_a_whole_copy_refers_to_is_named(tmp_path, leads, other):
    path = store(tmp_path / "a.h5", leads, rows=np.arange(5.0).reshape(5, 1))
    receipt = rebuild(path, tmp_path / "copy.h5", workers=1)
    assert (receipt.written, receipt.kept) == (True, 5)
    (said,) = receipt.unkept
    assert said.startswith("/out leads to other.h5")
    assert said.endswith("which is not copied; the copy refers to it")


@LEADS
def test_what_is_missing_is_said_once(tmp_path, leads):
    path = store(tmp_path / "a.h5", leads, "gone.h5", rows=np.arange(5.0).reshape(5, 1))
    receipt = rebuild(path, tmp_path / "copy.h5", drop_bad=True, workers=1)
    assert (receipt.kept, [it.code for it in receipt.lost], receipt.unkept) == (5, ["missing"], [])


@LEADS
def test_what_is_copied_along_is_not_named(tmp_path, leads):
    folder = tmp_path / "all"
    folder.mkdir()
    for number in range(2):
        with h5py.File(folder / f"part_{number}.h5", "w") as file:
            file["x"] = np.arange(12.0).reshape(6, 2) + number
    store(folder / "index.h5", leads, "part_0.h5")
    receipt = rebuild(folder, tmp_path / "copy", workers=1)
    assert (receipt.written, receipt.kept, receipt.unkept) == (True, 12, [])


@LEADS
@pytest.mark.parametrize("target", ["other.h5", "gone.h5"])
def test_the_other_records_have_checksums(tmp_path, leads, target, other):
    path = store(tmp_path / "a.h5", leads, target, rows=np.arange(5.0).reshape(5, 1))
    assert checksum(path, tmp_path / "a.sums", workers=1).records == 5


def asked(path, *names):
    return [it.message for it in scan(path, workers=1, together=[names]).findings if it.code == "row-count"]


def test_what_is_meant_to_go_together_may_be_behind_links(tmp_path, other):
    path = store(tmp_path / "a.h5", link, a=np.ones((5, 1)), b=np.ones((7, 2)), c=np.ones((7, 3)))
    with h5py.File(path, "a") as file:
        file["soft"], file["nowhere"] = h5py.SoftLink("/b"), h5py.SoftLink("/x")
        file["outside"] = h5py.ExternalLink("other.h5", "/")
    assert asked(path, "c", "soft") == []
    assert asked(path, "a", "soft") == ["/a has 5 rows, /soft has 7 rows; they belong together"]
    for unknown in ("out", "outside/x", "nowhere"):
        assert asked(path, "a", unknown) == []
        assert asked(path, "a", unknown, "b") == ["/a has 5 rows, /b has 7 rows; they belong together"]
    assert asked(path, "a", "d") == ["/a has 5 rows, /d is not there; they belong together"]
    assert asked(path, "d", "e") == ["/d is not there, /e is not there; they belong together"]
    assert asked(path, "out", "d") == ["/d is not there; they belong together"]

"""Pictures by name, and the file that names them."""

import pytest
from convention_stores import picture, read, write

import datacheck


def store(path, records, names=None, **options):
    write(path, records, **options)
    folder = path if path.is_dir() else path.parent
    lines = [f"{name.decode()}.png (8,8,3) 1\n" for name in (records if names is None else names)]
    (folder / "meta_info.txt").write_text("".join(lines))
    return path


def pictures():
    return {b"%04d_s%03d" % (at // 4, at % 4 + 1): picture(at, (8, 8)) for at in range(48)}


def scanned(path):
    report = datacheck.scan(path)
    return report, {(finding.key, finding.code, finding.verdict) for finding in report.findings}


def names_in(path):
    return [line.split(".png ")[0].encode() for line in (path / "meta_info.txt").read_text().splitlines()]


def test_a_file_that_is_true(tmp_path):
    report, said = scanned(store(tmp_path / "store", pictures()))
    assert (report.status, said) == (0, set())
    assert [it.name for it in report.conventions] == ["basicsr"]
    datacheck.rebuild(tmp_path / "store", tmp_path / "copy", drop_bad=True)
    assert (tmp_path / "copy" / "meta_info.txt").read_bytes() == (tmp_path / "store" / "meta_info.txt").read_bytes()


def test_names_that_lead_to_nothing_and_pictures_that_are_not_named(tmp_path):
    records = pictures()
    _, said = scanned(store(tmp_path / "more", records, [*records, b"0090_s001"]))
    assert said == {(None, "dangling", "bad")}
    _, said = scanned(store(tmp_path / "fewer", records, list(records)[:-2]))
    assert said == {(None, "count", "suspicious")}


def test_sizes_that_the_pictures_do_not_have(tmp_path):
    records = pictures() | {b"0003_s002": picture(3, (8, 12)), b"0004_s001": b"no picture"}
    report, said = scanned(store(tmp_path / "store", records))
    assert (None, "shape", "suspicious") in said
    (message,) = {it.message for it in report.findings if it.code == "shape" and it.key is None}
    assert message == "1 of 47 pictures is not of the size in meta_info.txt: 0003_s002 is 8x12, and not 8x8"


@pytest.mark.parametrize("bad", [b"", b"no picture"])
def test_the_file_of_the_copy_is_true(tmp_path, bad):
    records = pictures() | {b"0003_s002": bad}
    source = store(tmp_path / "store", records, [*records, b"0090_s001"])
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert sorted(names_in(tmp_path / "copy")) == sorted(read(tmp_path / "copy"))
    assert names_in(tmp_path / "copy") == [name for name in records if name != b"0003_s002"]
    assert receipt.repairs.lists == ("meta_info.txt",)
    assert scanned(tmp_path / "copy")[0].status == 0


def test_a_text_of_that_name_that_says_something_else(tmp_path):
    source = write(tmp_path / "store", pictures())
    (source / "meta_info.txt").write_text("made on a Monday\n")
    report, said = scanned(source)
    named = [it.name for it in report.conventions if it.name]
    assert (report.status, said, report.groups, named) == (0, set(), None, [])


def test_a_link_of_that_name_is_not_followed_out_of_the_folder_into_a_pipe(tmp_path):
    import os

    source = write(tmp_path / "store", pictures())
    os.mkfifo(source / "meta_info.txt")
    assert scanned(source)[0].status == 0

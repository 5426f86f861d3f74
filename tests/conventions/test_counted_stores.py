"""Stores that count their records, and stores that only look as if."""

import json

import pytest
from convention_stores import latents, load_latents, load_sizes, picture, read, sizes, write

import datacheck


def scanned(path):
    report = datacheck.scan(path)
    return report, {(finding.key, finding.code, finding.verdict) for finding in report.findings}


def test_sizes_of_each_picture(tmp_path):
    report, said = scanned(write(tmp_path / "store", sizes()))
    assert (report.status, said, report.groups) == (0, set(), 40)
    assert [it.name for it in report.conventions] == ["stylegan2"]


def test_a_size_that_is_gone_takes_the_sample(tmp_path):
    records = sizes()
    del records[b"32-00012"]
    records[b"16-00020"] = picture(20, (16, 16))[:150]
    source = write(tmp_path / "store", records)
    assert scanned(source)[1] == {("16-00012", "unpaired", "bad"), ("16-00020", "truncated", "bad")}
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    kept = [number for number in range(40) if number not in (12, 20)]
    assert load_sizes(tmp_path / "copy") == [(picture(number, (16, 16)), picture(number, (32, 32))) for number in kept]
    assert scanned(tmp_path / "copy")[0].status == 0


@pytest.mark.parametrize("count", [12, 120, 1200])
def test_plain_numbers_are_closed_up_though_their_order_changes(tmp_path, count):
    records = {b"%d" % number: picture(number, (8, 8)) for number in range(count)}
    records |= {b"length": b"%d" % count, b"3": b"no picture", b"9": b"", b"10": b"GIF89a"}
    source = write(tmp_path / "store", records)
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    kept = [number for number in range(count) if number not in (3, 9, 10)]
    expected = {b"%d" % place: picture(number, (8, 8)) for place, number in enumerate(kept)}
    assert read(tmp_path / "copy") == expected | {b"length": b"%d" % len(kept)}
    assert scanned(tmp_path / "copy")[0].status == 0
    moves = dict(receipt.renamed())
    assert {number: int(moves.get(str(number), number)) for number in kept} == {it: at for at, it in enumerate(kept)}


def test_numbers_that_nothing_counts_keep_their_holes(tmp_path):
    records = {b"%05d" % number: picture(number, (8, 8)) for number in range(50)} | {b"00007": b"no picture"}
    source = write(tmp_path / "store", records)
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy") == {key: value for key, value in records.items() if key != b"00007"}
    for name, options in {"dense": {"convention": "dense"}, "asked": {"convention": "dense", "renumber": True}}.items():
        datacheck.rebuild(source, tmp_path / name, drop_bad=True, **options)
        kept = [value for key, value in sorted(records.items()) if key != b"00007"]
        assert read(tmp_path / name) == {b"%05d" % number: value for number, value in enumerate(kept)}


def test_numbers_that_are_counted_keep_their_holes_when_asked(tmp_path):
    records = sizes() | {b"16-00020": b"no picture"}
    source = write(tmp_path / "store", records)
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, renumber=False)
    kept = {key: value for key, value in records.items() if key not in (b"16-00020", b"32-00020")}
    assert read(tmp_path / "copy") == kept | {b"length": b"39"}


def test_conventions_that_are_named(tmp_path):
    source = write(tmp_path / "store", sizes() | {b"length": b"50"})
    assert datacheck.scan(source, convention="none").status == 0
    assert datacheck.scan(source, convention=["stylegan2"]).counts == {"count": 1}
    with pytest.raises(datacheck.UsageError, match="does not keep the convention ocr"):
        datacheck.scan(source, convention="ocr")
    with pytest.raises(datacheck.UsageError, match="no convention is called 'nothing'"):
        datacheck.scan(source, convention="nothing")
    with pytest.raises(datacheck.UsageError, match="cannot be combined with others"):
        datacheck.scan(source, convention=["none", "ocr"])
    holes = write(tmp_path / "holes", {b"%d" % at: picture(at, (8, 8)) for at in range(40) if at != 7})
    assert datacheck.scan(holes).counts == {}
    assert datacheck.scan(holes, convention="dense").counts == {"dangling": 1}


@pytest.mark.parametrize(
    "records",
    [
        # two families that have nothing to do with each other, of the same size or not
        {b"train-%04d" % number: picture(number, (8, 8)) for number in range(100)}
        | {b"val-%04d" % number: picture(number + 500, (8, 8)) for number in range(98)},
        {b"a-%04d" % number: picture(number, (8, 8)) for number in range(100)}
        | {b"b-%04d" % number: picture(number + 500, (8, 8)) for number in range(40)},
        {b"a-%04d" % number: picture(number, (8, 8)) for number in range(100)}
        | {b"b-%04d" % number: picture(number + 500, (8, 8)) for number in range(60, 160)},
        # fewer than make a rule
        {b"a-%d" % number: picture(number, (8, 8)) for number in range(10)}
        | {b"b-%d" % number: picture(number + 500, (8, 8)) for number in range(9)},
        # a number that counts something else is written in a list, or is no number of its own
        {b"%05d" % number: picture(number, (8, 8)) for number in range(60)} | {b"length": json.dumps([3, 4]).encode()},
        # frames that begin anywhere and have holes, and nothing counts them
        {b"frame%06d" % number: picture(number, (8, 8)) for number in range(700, 900, 3)},
    ],
    ids=["sets", "some", "shifted", "few", "list", "frames"],
)
def test_stores_that_only_look_like_it(tmp_path, records):
    _, said = scanned(write(tmp_path / "store", records))
    assert not {it for it in said if it[1] in ("unpaired", "count", "dangling", "gap")}


def test_nearly_all_samples_have_both(tmp_path):
    records = {b"a-%04d" % number: picture(number, (8, 8)) for number in range(200)}
    records |= {b"b-%04d" % number: picture(number + 500, (8, 8)) for number in range(200)}
    for number, verdict in ((50, "bad"), (60, "bad"), (70, "suspicious")):
        records.pop(b"b-%04d" % number, None)
        if number == 70:
            for further in range(71, 80):
                del records[b"b-%04d" % further]
        _, said = scanned(write(tmp_path / f"store{number}", records))
        assert (f"a-{number:04}", "unpaired", verdict) in said


def test_a_shape_that_counts(tmp_path):
    _, said = scanned(write(tmp_path / "store", latents() | {b"latents_shape": b"400 2 8"}))
    assert {it for it in said if it[2] == "bad"} == {(None, "count", "bad")}
    _, said = scanned(write(tmp_path / "sound", latents()))
    assert not {it for it in said if it[2] == "bad"}


def test_arrays_and_texts_of_one_number_stay_together(tmp_path):
    records = latents() | {b"latents_5_data": b""}
    del records[b"prompts_9_data"]
    source = write(tmp_path / "store", records)
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert receipt.repairs.values == {"latents_shape": "38 2 8", "prompts_shape": "38"}
    made = load_latents(tmp_path / "copy")
    assert set(made) == {f"a picture of number {number}" for number in range(40) if number not in (5, 9)}
    for text, values in made.items():
        assert values.tobytes() == records[b"latents_%d_data" % int(text.split()[-1])]


@pytest.mark.parametrize(("lacks", "verdict"), [(1, "bad"), (3, "bad"), (5, "suspicious")])
def test_samples_that_are_counted_are_wrong_without_a_part(tmp_path, lacks, verdict):
    """A loader asks for all that the store counts; but where many lack it, it may be there of some only."""
    records = {b"%s/%03d" % (name, at): picture(at, (8, 8)) for name in (b"rgb", b"depth") for at in range(60)}
    records |= {b"length": b"60"}
    for at in range(10, 10 + lacks):
        del records[b"depth/%03d" % at]
    source = write(tmp_path / "store", records)
    assert scanned(source)[1] == {(f"rgb/{at:03}", "unpaired", verdict) for at in range(10, 10 + lacks)}
    if verdict == "bad":
        datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
        copy = read(tmp_path / "copy")
        assert int(copy[b"length"]) == 60 - lacks
        for at in range(60 - lacks):
            assert copy[b"rgb/%03d" % at] == copy[b"depth/%03d" % at]

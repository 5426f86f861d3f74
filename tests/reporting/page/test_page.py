"""Test the page: it says what the report says, shows records beside sound ones, loads nothing, and escapes texts."""

import io
import json
import re
import subprocess
import sys

import msgspec
import numpy as np
import pytest
from building import datum, key, pictures, pixels, raw_records, write_lmdb
from page_reading import Page
from PIL import Image

import datacheck
from datacheck.errors import PartUnread
from datacheck.model.finding import found
from datacheck.model.profile import Profile
from datacheck.model.settings import Settings
from datacheck.reporting import samples
from datacheck.reporting.page import finding_table
from datacheck.reporting.page.pages import page_of as page_text
from datacheck.reporting.report import Report
from datacheck.reporting.samples import Look, Sample
from datacheck.reporting.source import Source
from datacheck.reporting.tally import Tally
from datacheck.scanning.samples import TakeSamples, take_samples
from datacheck.scanning.tasks import Job
from datacheck.workers.interface import Death

HOSTILE = [
    b"</script><script>alert(1)</script>",
    b"<img src=x onerror=alert(1)>",
    b"javascript:alert(1)",
    b'"><svg onload=alert(1)>',
    b"<!--",
    b"{{ 7 * 7 }}",
    b"\x1b[31m\x00\xff",
    "a\u202etxt.exe".encode(),
    "größe".encode(),
    "猫の写真".encode(),
    "صورة".encode(),
]


def page_of(source, tmp_path, **options):
    report = datacheck.scan(source, reports=[tmp_path / "page.html"], **options)
    return report, Page((tmp_path / "page.html").read_text("utf-8"))


@pytest.fixture
def photos(tmp_path):
    """Encoded pictures, of which one is cut in half and one has no label."""
    made = pictures()
    records = {key(at): datum(made[at % len(made)], at % 4, shape=(3, 64, 64), encoded=True) for at in range(40)}
    records[key(7)] = datum(made[0][: len(made[0]) // 2], 1, shape=(3, 64, 64), encoded=True)
    records[key(21)] = datum(made[1], None, shape=(3, 64, 64), encoded=True)
    return write_lmdb(tmp_path / "photos", records)


def test_it_begins_with_the_verdict_and_what_to_do(photos, tmp_path):
    _, page = page_of(photos, tmp_path)
    assert "Not clean" in page.words("h1")
    said = page.words()
    assert "2 bad among 40 records." in said
    assert "the payload ends early" in said
    assert "Many decoders fill the missing part" in said
    assert f"datacheck show {photos} 00000007" in said
    assert f"datacheck rebuild {photos} {photos}_clean --drop-bad" in said


def test_it_has_every_finding(photos, tmp_path):
    report, page = page_of(photos, tmp_path)
    assert page.findings == [
        (it.name, it.index, it.field or "", it.code, it.verdict, it.message) for it in report.findings
    ]
    assert len(page.findings) == 2


def test_a_clean_store_is_called_clean(tmp_path):
    report, page = page_of(write_lmdb(tmp_path / "env", raw_records(30)), tmp_path)
    assert report.clean
    assert "Clean" in page.words("h1")
    assert "Nothing wrong was found in 30 records." in page.words()
    assert page.findings == []
    assert "All findings" not in page.words()


def test_what_was_not_looked_at_is_said(photos, tmp_path):
    _, page = page_of(photos, tmp_path, sample=10)
    assert "It is a sample: there are 40 records." in page.words("p")
    report = Report(Source("x", "lmdb"), Settings())
    tally = Tally(records=5, checked=5, complete=False)
    tally.count_records([found("nan", "1 value is NaN")], ["00000003"], [3])
    report.add(tally)
    assert "1 bad among 5 records. Not every record was reached." in Page("".join(page_text([report]))).words("p")


def test_what_is_tolerated_is_no_surprise(photos, tmp_path):
    report, page = page_of(photos, tmp_path, max_bad="10%")
    assert report.clean
    assert "Clean" in page.words("h1")
    assert "2 bad among 40 records, within --max-bad 10%." in page.words("p")


def test_suspicious_records_alone_leave_it_clean(tmp_path):
    records = {key(at): datum(pixels(at), at % 3) for at in range(60)} | {key(7): datum(pixels(7) * 0, 1)}
    report, page = page_of(write_lmdb(tmp_path / "env", records), tmp_path)
    assert report.suspicious == 1
    assert "Nothing bad among 60 records; 1 suspicious." in page.words("p")


def test_an_undecided_store_is_called_undecided(tmp_path):
    records = {key(at): bytes([1, 2, 3, 250, at, 7, 200, 9]) for at in range(30)}
    report, page = page_of(write_lmdb(tmp_path / "env", records), tmp_path)
    assert report.status == 3
    assert "Undecided" in page.words("h1")


def test_bad_pictures_stand_beside_sound_ones_and_the_missing_part_is_marked(photos, tmp_path):
    report, page = page_of(photos, tmp_path)
    cut, unlabelled = report.samples
    assert (cut.finding.code, cut.sound_key) == ("truncated", "00000008")
    assert unlabelled.finding.code == "label"
    assert unlabelled.sound_key == "00000022"
    areas = cut.bad.damaged
    assert areas
    assert 0.2 < areas[0][1] < 0.9
    assert not unlabelled.bad.damaged
    assert not cut.sound.damaged
    assert len(page.pictures) == 4
    assert all(it.startswith(b"\x89PNG") for it in page.pictures)
    assert "hatch" in page.text


def test_the_bytes_of_a_record_are_never_in_the_page(photos, tmp_path):
    page_of(photos, tmp_path)
    raw = (tmp_path / "page.html").read_bytes()
    for picture in pictures():
        assert picture[200:232] not in raw
        assert picture[:12] not in raw


def test_a_sound_grey_picture_is_not_called_made_up(tmp_path):
    made = pictures()
    out = io.BytesIO()
    Image.new("RGB", (64, 64), (128, 128, 128)).save(out, "JPEG")
    records = {key(at): datum(made[at % len(made)], at % 4, shape=(3, 64, 64), encoded=True) for at in range(40)}
    records[key(5)] = datum(out.getvalue(), None, shape=(3, 64, 64), encoded=True)
    report, _ = page_of(write_lmdb(tmp_path / "env", records), tmp_path, skip=["constant"])
    (sample,) = [it for it in report.samples if it.finding.code == "label"]
    assert sample.bad.picture
    assert not sample.bad.damaged


def test_nan_and_infinity_are_marked_where_they_are(tmp_path):
    records = {
        key(at): datum(np.full((3, 16, 16), at % 7, np.float32) + pixels(at, (3, 16, 16)), 1) for at in range(30)
    }
    values = np.ones((3, 16, 16), np.float32) + pixels(3, (3, 16, 16))
    values[1, 4, 9] = np.nan
    values[2, 15, 0] = np.inf
    records[key(3)] = datum(values, 1)
    report, _ = page_of(write_lmdb(tmp_path / "env", records), tmp_path)
    assert [it.finding.code for it in report.samples] == ["nan", "inf"]
    sample = report.samples[0]
    assert set(sample.bad.marks) == {(9, 4, "nan"), (0, 15, "inf")}
    assert sample.sound.marks == ()


def test_no_neighbour_is_shown_that_is_bad_itself(tmp_path):
    bad = datum(np.full((2, 3, 3), np.nan, np.float32), 1)
    sound = datum(np.ones((2, 3, 3), np.float32) + pixels(1, (2, 3, 3)), 1)
    records = {key(at): bad if at in (10, 11, 12) else sound for at in range(30)}
    report, _ = page_of(write_lmdb(tmp_path / "env", records), tmp_path)
    assert [it.sound_key for it in report.samples] == ["00000013"] * 3


def test_without_a_sound_record_behind_it_one_from_elsewhere_is_shown(tmp_path):
    bad = datum(np.full((2, 3, 3), np.nan, np.float32), 1)
    sound = datum(np.ones((2, 3, 3), np.float32) + pixels(1, (2, 3, 3)), 1)
    report, _ = page_of(
        write_lmdb(tmp_path / "env", {key(at): bad if at == 29 else sound for at in range(30)}), tmp_path
    )
    (sample,) = report.samples
    assert sample.sound is not None
    assert sample.sound_key != "00000029"


def test_only_the_first_records_of_each_code_are_shown(tmp_path):
    records = raw_records(40) | {key(at): datum(pixels(at)[:, :5], 1, shape=(3, 8, 8)) for at in range(20)}
    report, page = page_of(write_lmdb(tmp_path / "env", records), tmp_path)
    assert len(report.samples) == samples.PER_CODE
    assert [it.finding.index for it in report.samples] == list(range(samples.PER_CODE))
    assert "The first 6 of 20." in page.words()


def test_pictures_without_room_are_left_out_and_it_is_said(photos, tmp_path, monkeypatch):
    monkeypatch.setattr("datacheck.reporting.files.Room", lambda: samples.Room(bytes=10))
    _, page = page_of(photos, tmp_path)
    assert page.pictures == []
    assert "no room for its picture on this page" in page.words()


def test_the_records_shown_do_not_depend_on_the_workers(photos, tmp_path):
    one, _ = page_of(photos, tmp_path, workers=1)
    two, _ = page_of(photos, tmp_path, workers=2)
    assert one.samples == two.samples
    assert one.places == two.places


def test_records_are_read_once_more_for_a_page_alone(photos, tmp_path):
    report = datacheck.scan(photos, reports=[tmp_path / "r.json"])
    assert report.samples == []
    assert not report.shows_records


def test_the_findings_are_those_of_a_scan_without_a_page(photos, tmp_path):
    with_page, _ = page_of(photos, tmp_path)
    without = datacheck.scan(photos)
    assert list(with_page.findings) == list(without.findings)
    assert with_page.counts == without.counts


def test_hostile_keys_stay_words(tmp_path):
    store = write_lmdb(tmp_path / "env", {**raw_records(20), **dict.fromkeys(HOSTILE, b"")})
    _, page = page_of(store, tmp_path)
    assert page.loads_nothing() == []
    assert len(page.named("script")) == 2
    said = page.words("bdi")
    for wanted in (
        "</script><script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "{{ 7 * 7 }}",
        "größe",
        "猫の写真",
        "صورة",
    ):
        assert wanted in said
    assert "\x1b" not in page.text
    assert "\u202e" not in page.text
    assert r"\x1b[31m\x00\xff" in said
    assert r"a\xe2\x80\xaetxt.exe" in said
    assert len(page.findings) == len(HOSTILE)


def test_hostile_labels_fields_and_texts_stay_words(tmp_path):
    evil = "</script><b onclick=alert(1)>"
    texts = [json.dumps({evil: [1.0, float("nan") if at == 3 else 2.0], "t": evil + str(at)}) for at in range(30)]
    store = write_lmdb(tmp_path / "env", {key(at): it.encode() for at, it in enumerate(texts)})
    report, page = page_of(store, tmp_path)
    assert report.counts == {"nan": 1}
    assert page.loads_nothing() == []
    assert len(page.named("script")) == 2
    assert evil in page.words("bdi")


def test_the_policy_allows_its_own_style_and_script_alone(photos, tmp_path):
    _, page = page_of(photos, tmp_path)
    policy, style, script = page.policy()
    assert policy.startswith("default-src 'none';")
    assert f"style-src 'sha256-{style}'" in policy
    assert f"script-src 'sha256-{script}'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert page.loads_nothing() == []


def test_beyond_its_bounds_it_says_how_many_are_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr(finding_table, "MOST", 5)
    records = {**raw_records(20), **{key(at): b"" for at in range(20, 40)}}
    _, page = page_of(write_lmdb(tmp_path / "env", records), tmp_path)
    assert len(page.findings) == 5
    assert "The first 5 of 20 findings are on this page. The other 15 are in the JSON report" in page.words()


def test_long_messages_and_many_of_them_have_a_bound_in_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(finding_table, "BYTES", 3000)
    records = {b"k" * 400 + b"%04d" % at: b"" for at in range(40)} | raw_records(60)
    _, page = page_of(write_lmdb(tmp_path / "env", records), tmp_path)
    assert 0 < len(page.findings) < 20


def test_without_scripts_the_first_findings_are_there(tmp_path):
    records = {**raw_records(60), **{key(at): b"" for at in range(60, 100)}}
    _, page = page_of(write_lmdb(tmp_path / "env", records), tmp_path)
    assert "00000060" in page.words("table")
    assert page.words("noscript").strip().startswith(f"The first {finding_table.AT_FIRST} findings.")


def test_several_sources_are_one_page(photos, tmp_path):
    other = write_lmdb(tmp_path / "other", raw_records(20) | {key(4): b""})
    datacheck.scan([photos, other], reports=[tmp_path / "page.html"])
    page = Page((tmp_path / "page.html").read_text("utf-8"))
    assert "2 of 2 sources are not clean; 60 records were looked at." in page.words()
    assert len([it for it in page.named("section") if it.get("class") == "source"]) == 2
    assert len(page.findings) == 3


def test_what_is_lost_with_the_end_of_a_store_is_on_the_strip(tmp_path):
    store = write_lmdb(tmp_path / "env", raw_records(3000))
    data = store / "data.mdb"
    whole = data.read_bytes()
    data.write_bytes(whole[: len(whole) * 2 // 3])
    report, page = page_of(store, tmp_path)
    assert "truncated-store" in report.counts
    said = re.search(r"lost: ([\d,]+) records that the store says it has", page.words())
    assert int(said[1].replace(",", "")) == 3000 - report.checked
    assert report.places


def test_one_that_kills_its_reader_costs_the_others_nothing():
    class Pool:
        def run(self, tasks):
            for task in tasks:
                deadly = any(it.index == 3 for it in task.findings)
                yield task, Death("SIGSEGV") if deadly else [Sample(it, Look(("seen",))) for it in task.findings]

    report = Report(Source("x", "lmdb"), Settings())
    tally = Tally(records=9)
    tally.count_records([found("nan", "1 value is NaN")] * 5, [f"{at}" for at in range(5)], list(range(5)))
    report.add(tally)
    take_samples(Pool(), report, ())
    assert [it.bad is not None for it in report.samples] == [True, True, True, False, True]


def test_a_part_of_the_store_that_went_away_costs_no_more_than_its_records():
    class Gone:
        def find(self, key):
            raise PartUnread("a part is not there", True)

    class Quiet:  # the real one sets an alarm
        timeout, patience = None, 1

        def note(self, value):
            """Ignore the note."""

    finding = msgspec.structs.replace(found("nan", "1 value is NaN"), key="a", index=0)
    job = Job(Gone(), Settings())
    assert TakeSamples((finding,), Profile()).run(job, Quiet()) == [None]


@pytest.mark.parametrize("code", ["crash", "timeout", "too-large", "unreadable", "internal-error"])
def test_records_that_killed_their_reader_are_not_read_again(code):
    class Pool:
        def run(self, tasks):
            raise AssertionError(tasks)

    report = Report(Source("x", "lmdb"), Settings())
    tally = Tally(records=5)
    tally.count_records([found(code, "killed it")], ["00000003"], [3])
    report.add(tally)
    take_samples(Pool(), report, ())
    assert [(it.finding.key, it.bad) for it in report.samples] == [("00000003", None)]


def test_a_record_that_cannot_be_shown_is_still_named():
    class Pool:
        def run(self, tasks):
            yield from ((task, Death("SIGSEGV")) for task in tasks)

    report = Report(Source("x", "lmdb"), Settings())
    tally = Tally(records=5)
    tally.count_records([found("nan", "1 value is NaN")], ["00000003"], [3])
    report.add(tally)
    take_samples(Pool(), report, ())
    assert [(it.finding.key, it.bad) for it in report.samples] == [("00000003", None)]
    assert "1 value is NaN" in Page("".join(page_text([report]))).words("p")


def test_a_neighbour_that_kills_its_reader_costs_the_sample_nothing_else():
    class Pool:
        def run(self, tasks):
            for task in tasks:
                alone = [Sample(it, Look(("seen",))) for it in task.findings]
                yield task, Death("SIGSEGV") if task.neighbours else alone

    report = Report(Source("x", "lmdb"), Settings())
    tally = Tally(records=5)
    tally.count_records([found("nan", "1 value is NaN")], ["00000003"], [3])
    report.add(tally)
    take_samples(Pool(), report, ())
    assert report.samples[0].bad == Look(("seen",))


def test_only_a_page_loads_the_template_engine(photos, tmp_path):
    code = (
        "import sys, datacheck\n"
        f"datacheck.scan({str(photos)!r}, reports=[{str(tmp_path / 'r.json')!r}])\n"
        "print('jinja2' in sys.modules)\n"
        f"datacheck.scan({str(photos)!r}, reports=[{str(tmp_path / 'r.html')!r}])\n"
        "print('jinja2' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=100)
    assert done.stdout.split() == ["False", "True"]


def test_an_interrupted_scan_is_no_verdict(photos, tmp_path):
    def stop(done, total, bad):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        datacheck.scan(photos, reports=[tmp_path / "page.html"], progress=stop)
    page = Page((tmp_path / "page.html").read_text("utf-8"))
    assert "Interrupted" in page.words("h1")
    assert "This is not a verdict." in page.words()


def test_a_file_that_was_there_stays_where_the_scan_fails(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("mine")
    with pytest.raises(datacheck.SourceMissing):
        datacheck.scan(tmp_path / "none", reports=[path])
    assert path.read_text() == "mine"


def test_the_source_is_refused_as_a_page(photos):
    with pytest.raises(datacheck.UsageError):
        datacheck.scan(photos, reports=[photos / "page.html"])


def test_the_labels_and_what_was_asked_for_are_there(photos, tmp_path):
    _, page = page_of(photos, tmp_path, labels=4, range=(0, 255))
    said = page.words()
    assert "4 different labels" in said
    assert "--labels" in said
    assert "--range" in said
    assert "The range of each field" in said


def test_a_notebook_gets_the_short_form(photos, tmp_path):
    report = datacheck.scan(photos)
    said = Page(report._repr_html_())
    assert "NOT CLEAN: 2 bad" in said.words("div")
    assert "00000007" in said.words("bdi")
    assert not said.named("script")


def test_the_short_form_keeps_hostile_keys_words(tmp_path):
    store = write_lmdb(tmp_path / "env", {**raw_records(20), **dict.fromkeys(HOSTILE, b"")})
    said = Page(datacheck.scan(store)._repr_html_())
    assert {tag for tag, _ in said.elements} <= {"div", "table", "tbody", "tr", "td", "b", "code", "bdi"}
    assert "\u202e" not in said.text


def test_the_short_form_of_many_findings_reads_no_more_of_them_than_it_needs(tmp_path):
    records = {**raw_records(60), **{key(at): b"" for at in range(60, 110)}}
    said = Page(datacheck.scan(write_lmdb(tmp_path / "env", records))._repr_html_())
    assert "and 47 more" in said.words("td")


def test_the_sizes_of_pictures_are_shown_where_they_differ(tmp_path):
    def jpeg(height, width):
        out = io.BytesIO()
        Image.fromarray(pixels(height, (height, width, 3))).save(out, "JPEG")
        return datum(out.getvalue(), 1, shape=(3, height, width), encoded=True)

    records = {key(at): jpeg(40 if at % 3 else 24, 32) for at in range(30)}
    report, page = page_of(write_lmdb(tmp_path / "env", records), tmp_path)
    assert dict(report.tally.statistics["data"].sides) == {(0, 24): 10, (0, 40): 20, (1, 32): 30}
    said = page.words()
    assert "The height of pictures in data" in said
    assert "The width of pictures in" not in said


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (b"<html><body>404 Not Found</body></html>", '39 bytes: "<html><body>404 Not Found</body></html>"'),
        (bytes(range(200, 250)) * 4, "200 bytes, beginning with c8 c9 ca"),
        (b"", "no bytes at all"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "10 bytes, beginning with ff d8 ff e0"),
    ],
)
def test_what_is_no_picture_among_pictures_is_shown_as_what_it_is(value, wanted, tmp_path):
    made = pictures()
    records = {key(at): made[at % len(made)] for at in range(40)}
    report, _ = page_of(write_lmdb(tmp_path / "env", {**records, key(9): value}), tmp_path)
    (sample,) = report.samples
    assert sample.bad.lines[0].startswith(wanted)
    assert sample.sound.picture


def test_a_page_that_cannot_be_made_keeps_no_other_report_from_being_written(photos, tmp_path, monkeypatch):
    def broken(*args):
        raise RuntimeError("a mistake in the template")

    monkeypatch.setattr("datacheck.reporting.page.pages.page_of", broken)
    (tmp_path / "page.html").write_text("the earlier one")
    with pytest.raises(RuntimeError, match="a mistake in the template"):
        datacheck.scan(photos, reports=[tmp_path / "page.html", tmp_path / "r.json"])
    assert json.loads((tmp_path / "r.json").read_text())["bad"] == 2
    assert (tmp_path / "page.html").read_text() == "the earlier one"


def test_two_things_wrong_with_one_record_are_both_shown(tmp_path):
    values = np.full((3, 8, 8), 7.0, np.float32)
    values[0, 0, 0] = np.nan
    records = {key(at): datum(pixels(at).astype(np.float32), at % 3) for at in range(40)} | {
        key(9): datum(values, None)
    }
    report, _ = page_of(write_lmdb(tmp_path / "env", records), tmp_path)
    assert {it.finding.code for it in report.samples} == set(report.counts) == {"nan", "label"}
    assert all(it.bad.picture and it.sound.picture for it in report.samples)

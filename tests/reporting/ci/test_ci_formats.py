"""Test reports for continuous integration: valid for their readers, bounded in size, and with texts that stay texts."""

import json
import re
from xml.etree import ElementTree

import jsonschema
import junitparser
import pytest
from building import datum, key, pixels, raw_records, write_lmdb
from click.testing import CliRunner

import datacheck
from datacheck.cli.entry import cli
from datacheck.model.codes import CODES
from datacheck.model.finding import found
from datacheck.model.settings import Settings
from datacheck.reporting.ci import annotations, junit, markdown, sarif
from datacheck.reporting.ci.bounded import worst_first
from datacheck.reporting.report import Report
from datacheck.reporting.source import Source
from datacheck.reporting.tally import Tally

HOSTILE = [
    *(b"::error::owned", b"]]>&amp;<failure/>", b"`x` | <img src=x onerror=alert(1)>", b"\x1b[31m\n::stop-commands::x"),
    *(b"[a](http://b)", b"%0A::warning::c", "\u202eü".encode()),
]


def run(*args):
    return CliRunner().invoke(cli, [*map(str, args)], standalone_mode=False)


@pytest.fixture
def store(tmp_path):
    records = raw_records(60) | {key(7): b"", key(31): datum(pixels(31), 1)[:-9]} | dict.fromkeys(HOSTILE, b"")
    return write_lmdb(tmp_path / "env", records)


def many(path, count, verdicts=("suspicious", "unverifiable", "bad"), code="nan", **settings):
    """Return a report with this many findings, whose verdicts alternate."""
    report = Report(Source(path, "lmdb"), Settings(**settings))
    tally = Tally(records=count, checked=count)
    for number in range(count):
        finding = found(code, f"number {number}", field="data", verdict=verdicts[number % len(verdicts)])
        tally.count_records([finding], [f"{number:08}"], [number])
    report.add(tally)
    return report


# JUnit

ATTRIBUTES = {
    "testsuites": {"name", "tests", "failures", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"},
    "properties": set(),
    "property": {"name", "value"},
    "testcase": {"classname", "name", "time"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "system-out": set(),
}
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase", "system-out"},
    "properties": {"property"},
    "testcase": {"failure", "error", "system-out"},
}
"""The part of junit-10.xsd that is used: all attributes of each element, and the elements that may be in it."""


def strictly(path):
    """Return the suites of a file, after checking each element against the schema, and the counts."""
    root = ElementTree.parse(path).getroot()
    assert root.tag == "testsuites"
    for element in root.iter():
        assert set(element.attrib) == ATTRIBUTES[element.tag]
        assert {it.tag for it in element} <= CHILDREN.get(element.tag, set())
        if "time" in element.attrib:
            assert re.fullmatch(r"[0-9]+(\.[0-9]+)?", element.get("time"))
    for suite in root:
        cases = suite.findall("testcase")
        counted = [len(cases), len(suite.findall(".//failure")), len(suite.findall(".//error"))]
        assert [int(suite.get(it)) for it in ("tests", "failures", "errors")] == counted
        assert len({it.get("name") for it in cases}) == len(cases)
    for name in ("tests", "failures", "errors"):
        assert int(root.get(name)) == sum(int(suite.get(name)) for suite in root)
    return list(root)


def cases_of(suite):
    return {
        it.get("name"): "failed" if it.find("failure") is not None else "error" if it.find("error") is not None else ""
        for it in suite.findall("testcase")
    }


def test_junit_has_a_case_for_each_check_and_source(store, tmp_path):
    sound = write_lmdb(tmp_path / "sound", raw_records(20))
    out = tmp_path / "r.xml"
    assert run("scan", sound, store, "--report", out).return_value == 1
    first, second = strictly(out)
    assert [it.get("name") for it in (first, second)] == [str(sound), str(store)]
    checks = {"finite", "range", "shape", "label", "format", "constant", "half-overflow"}
    assert cases_of(first) == dict.fromkeys({"store", "payload", "convention", "complete", *checks}, "")
    assert {name for name, it in cases_of(second).items() if it == "failed"} == {"payload"}
    said = second.find("testcase[@name='payload']/failure").text
    assert "truncated (bad): 00000031: " in said
    assert "empty (bad): \\x1b[31m\\x0a::stop-commands::x: the value has zero bytes" in said
    assert {it.get("name"): it.get("value") for it in second.iter("property")}["bad"] == "9"
    read = junitparser.JUnitXml.fromfile(str(out))
    assert (read.tests, read.failures, read.errors) == (22, 1, 0)
    assert [case.name for suite in read for case in suite if case.result] == ["payload"]


@pytest.mark.parametrize(
    ("verdict", "settings", "result"),
    [
        ("bad", {}, "failed"),
        ("bad", {"max_bad": "5"}, ""),
        ("suspicious", {}, ""),
        ("suspicious", {"strict": True}, "failed"),
        ("unverifiable", {}, "error"),
    ],
)
def test_a_case_fails_where_the_gate_is_closed_for_it(tmp_path, verdict, settings, result):
    report = many("env", 3, [verdict], **settings)
    report.save(tmp_path / "r.xml")
    (suite,) = strictly(tmp_path / "r.xml")
    assert cases_of(suite)["finite"] == result
    assert (suite.find("testcase[@name='finite']/system-out") is None) == bool(result)
    assert set(cases_of(suite).values()) == {"", result}


def test_junit_says_what_was_not_looked_at(tmp_path, store):
    run("scan", store, "--sample", "10", "--check", "finite", "--report", tmp_path / "r.xml")
    (suite,) = strictly(tmp_path / "r.xml")
    assert set(cases_of(suite)) == {"store", "payload", "convention", "complete", "finite"}
    assert cases_of(suite)["complete"] == "error"


def test_junit_names_a_few_and_counts_the_others(tmp_path):
    many("env", 5000, ["bad"]).save(tmp_path / "r.xml")
    (suite,) = strictly(tmp_path / "r.xml")
    lines = suite.find("testcase[@name='finite']/failure").text.splitlines()
    assert len(lines) == junit.NAMED + 1
    assert lines[-1] == "and 4,980 more"


def test_every_code_of_a_store_has_a_case_and_others_have_their_own(tmp_path):
    assert set(junit.CASES) - {"gap"} <= set(CODES)
    many("env", 3, ["bad"], code="dark").save(tmp_path / "r.xml")
    assert cases_of(strictly(tmp_path / "r.xml")[0])["dark"] == "failed"


def test_junit_of_a_prototxt_has_its_codes(tmp_path):
    net = tmp_path / "net.prototxt"
    net.write_text('name: "n"\nlayer { name: "a" type: "ReLU" bottom: "nowhere" top: "b" }\n')
    assert run("lint", net, "--report", tmp_path / "r.xml").return_value == 1
    (suite,) = strictly(tmp_path / "r.xml")
    assert set(cases_of(suite)) == {"complete", "layer"}


# SARIF


def closed(required, optional=()):
    both = {**required, **dict(optional)}
    return {"type": "object", "properties": both, "required": list(required), "additionalProperties": False}


def listed(items, **more):
    return {"type": "array", "items": items, "uniqueItems": False, **more}


TEXT = {"type": "string", "minLength": 1}
WORDS = closed({"text": TEXT})
LEVELS = {"enum": ["none", "note", "warning", "error"]}
NATURAL = {"type": "integer", "minimum": 0}
SUBSET = closed(
    {
        "$schema": {"const": sarif.SCHEMA},
        "version": {"const": "2.1.0"},
        "runs": listed(
            closed(
                {
                    "tool": closed(
                        {
                            "driver": closed(
                                {
                                    "name": TEXT,
                                    "version": TEXT,
                                    "rules": listed(
                                        closed(
                                            {"id": TEXT, "shortDescription": WORDS},
                                            {
                                                "fullDescription": WORDS,
                                                "help": WORDS,
                                                "defaultConfiguration": closed({"level": LEVELS}),
                                            },
                                        ),
                                    ),
                                }
                            )
                        }
                    ),
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "invocations": listed(
                        closed(
                            {"executionSuccessful": {"type": "boolean"}, "exitCode": {"type": "integer"}},
                            {"toolExecutionNotifications": listed(closed({"level": LEVELS, "message": WORDS}))},
                        )
                    ),
                    "properties": {"type": "object"},
                    "results": listed(
                        closed(
                            {
                                "ruleId": TEXT,
                                "ruleIndex": NATURAL,
                                "level": LEVELS,
                                "message": WORDS,
                                "locations": listed(
                                    closed(
                                        {
                                            "physicalLocation": closed(
                                                {
                                                    "artifactLocation": closed(
                                                        {"uri": {"type": "string", "pattern": r"^[!-~]+$"}}
                                                    ),
                                                    "region": closed({"startLine": {"type": "integer", "minimum": 1}}),
                                                }
                                            )
                                        },
                                        {
                                            "logicalLocations": listed(
                                                closed({"fullyQualifiedName": TEXT, "kind": {"const": "member"}})
                                            )
                                        },
                                    ),
                                    minItems=1,
                                    maxItems=1,
                                ),
                                "partialFingerprints": {"type": "object", "additionalProperties": TEXT},
                                "properties": {"type": "object"},
                            }
                        ),
                        maxItems=25_000,
                    ),
                }
            ),
            minItems=1,
            maxItems=1,
        ),
    }
)
"""The part of the schema of SARIF 2.1.0 that is used; nothing else may be there."""


def read_sarif(path):
    document = json.loads(path.read_text())
    (run_,) = document["runs"]
    some = run_["results"][:: 1 + len(run_["results"]) // 1000]
    jsonschema.Draft202012Validator(SUBSET).validate({**document, "runs": [{**run_, "results": some}]})
    rules = [it["id"] for it in run_["tool"]["driver"]["rules"]]
    assert all(rules[it["ruleIndex"]] == it["ruleId"] for it in run_["results"])
    assert len({it["partialFingerprints"]["datacheckRecord/v1"] for it in run_["results"]}) == len(run_["results"])
    return run_


def test_sarif_has_a_result_for_each_finding(store, tmp_path):
    run("scan", store, "--report", tmp_path / "r.sarif")
    made = read_sarif(tmp_path / "r.sarif")
    assert [it["ruleId"] for it in made["results"]].count("empty") == 1 + len(HOSTILE)
    by_name = {it["locations"][0]["logicalLocations"][0]["fullyQualifiedName"]: it for it in made["results"]}
    one = by_name["00000031"]
    assert (one["level"], one["properties"]) == ("error", {"verdict": "bad", "index": 33})
    assert one["message"]["text"].startswith("00000031: data: ")
    assert made["invocations"] == [{"executionSuccessful": True, "exitCode": 1}]
    assert made["properties"]["findings"] == made["properties"]["shown"] == 2 + len(HOSTILE)


def test_sarif_of_a_prototxt_points_to_its_lines(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my net.prototxt").write_text('name: "n"\n\nlayer { name: "a" type: "ReLU" bottom: "no" top: "b" }\n')
    run("lint", "my net.prototxt", "--report", "r.sarif")
    place = read_sarif(tmp_path / "r.sarif")["results"][0]["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "my%20net.prototxt"}, "region": {"startLine": 3}}


def test_of_more_than_25000_results_sarif_has_the_worst(tmp_path):
    reports = datacheck.ScanReports([many("one", 12_900), many("two", 12_900)])
    reports.save(tmp_path / "r.sarif")
    made = read_sarif(tmp_path / "r.sarif")
    levels = [it["level"] for it in made["results"]]
    assert levels == ["error"] * 8_600 + ["warning"] * 8_600 + ["note"] * 7_800
    (note,) = made["invocations"][0]["toolExecutionNotifications"]
    assert "25,000 of 25,800 findings" in note["message"]["text"]
    assert (made["properties"]["findings"], made["properties"]["shown"]) == (25_800, 25_000)


def test_a_code_of_ones_own_is_a_rule(tmp_path):
    many("env", 2, ["suspicious"], code="dark").save(tmp_path / "r.sarif")
    made = read_sarif(tmp_path / "r.sarif")
    assert [it["level"] for it in made["results"]] == ["note", "note"]
    assert made["tool"]["driver"]["rules"][0]["id"] == "dark"


def test_a_few_findings_come_in_source_order():
    order = [it.message for _, it in worst_first([many("env", 6)], 6)]
    assert order == [f"number {number}" for number in range(6)]
    assert [it.verdict for _, it in worst_first([many("env", 6)], 3)] == ["bad", "bad", "unverifiable"]


# Markdown


def test_the_summary_of_a_job_says_what_is_wrong_and_how_to_mend_it(store, tmp_path):
    run("scan", store, "--report", tmp_path / "r.md")
    said = (tmp_path / "r.md").read_text()
    assert said.startswith("# datacheck: NOT CLEAN\n")
    assert f"| `empty` | bad | {1 + len(HOSTILE)} | a value of zero bytes |" in said
    assert "- `00000031: data: " in said
    assert "- and 3 more" in said
    assert said.endswith(f"*{2 + len(HOSTILE)} findings in all.*\n")


@pytest.mark.parametrize("hostile", ["`x` | <b>", "``", "a`", "<script>", "[a](b)", "\x1b[31m", "# x", "", "  "])
def test_nothing_of_a_store_is_markup(hostile):
    made = markdown.code(hostile)
    fence = re.match("`+", made)[0]
    assert made.endswith(fence)
    inside = made[len(fence) : -len(fence)]
    assert fence not in re.findall("`+", inside)
    assert "\n" not in made
    assert inside.isprintable()


def test_the_summary_ends_before_it_is_too_long(tmp_path):
    reports = [many(f"store-{number:05}" + "x" * 200, 4) for number in range(4000)]
    datacheck.ScanReports(reports).save(tmp_path / "r.md")
    raw = (tmp_path / "r.md").read_bytes()
    assert markdown.MOST_BYTES - 3 * markdown.ROOM < len(raw) <= 1 << 20
    assert b"There are 16,000 findings in all." in raw[-300:]


def test_a_clean_source_is_short(tmp_path):
    store = write_lmdb(tmp_path / "sound", raw_records(20))
    assert run("scan", store, "--report", tmp_path / "r.md").return_value == 0
    said = (tmp_path / "r.md").read_text()
    assert said.startswith("# datacheck: clean\n")
    assert said.endswith("*0 findings in all.*\n")


# Annotations


def of_kind(lines, kind):
    return [line for line in lines if line.startswith(f"::{kind} ")]


def test_ten_annotations_of_each_kind_with_the_total():
    lines = list(annotations.commands([many("a,b:c%", 33)]))
    assert all(len(of_kind(lines, kind)) == 10 for kind in ("error", "warning", "notice"))
    assert len(lines) == 30
    errors = of_kind(lines, "error")
    assert errors[0] == "::error file=a%2Cb%3Ac%25,line=1,title=nan (bad)::00000002: data: number 2"
    assert errors[-1].startswith("::error title=datacheck::and 2 more, 11 in all; ")
    ten = list(annotations.commands([many("env", 30)]))
    assert [it for it in ten if "in all" in it] == []


def test_the_runner_takes_nothing_of_a_store_for_a_command(store):
    done = run("scan", store, "--format", "github")
    assert done.return_value == 1
    lines = done.stdout.splitlines()
    token = re.fullmatch("::stop-commands::([0-9a-f]{32})", lines[0])[1]
    end = lines.index(f"::{token}::")
    assert lines[1].startswith(f"{store}: LMDB")
    assert all(re.match("::(error|notice|warning) (file=|title=)", line) for line in lines[end + 1 :])
    assert len(lines[end + 1 :]) == 2 + len(HOSTILE)
    assert "%250A::warning::c" in done.stdout
    assert re.findall("stop-commands::([0-9a-f]{32})", run("scan", store, "--format", "github").stdout) != [token]


@pytest.mark.parametrize("command", [("scan",), ("show", "--bad", "3"), ("info",)])
def test_a_key_gives_the_runner_no_command_unasked(tmp_path, monkeypatch, command):
    store = write_lmdb(tmp_path / "env", raw_records(40) | {b"::add-mask::1": b""})
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    assert "stop-commands" not in run(*command, store).stdout
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    stopped = False
    for line in run(*command, store).stdout.splitlines():
        stopped = "stop-commands" in line or (stopped and not re.fullmatch("::[0-9a-f]{32}::", line))
        assert stopped or not line.lstrip().startswith("::add")
    sound = write_lmdb(tmp_path / "sound", raw_records(40))
    assert "stop-commands" not in run("info", sound).stdout


def test_lint_and_log_have_annotations_too(tmp_path):
    net = tmp_path / "net.prototxt"
    net.write_text('name: "n"\nlayer { name: "a" type: "ReLU" bottom: "nowhere" top: "b" }\n')
    assert f"::error file={net},line=2,title=layer (bad)::" in run("lint", net, "--format", "github").stdout
    log = tmp_path / "train.log"
    log.write_text(
        "I0101 00:00:00.000000     1 solver.cpp:228] Iteration 0, loss = 2.3\n"
        "I0101 00:00:01.000000     1 solver.cpp:228] Iteration 20, loss = nan\n"
    )
    assert f"::error file={log},line=" in run("log", log, "--format", "github").stdout
    assert run("scan", write_lmdb(tmp_path / "s", raw_records(9)), "-q", "--format", "github").stdout == ""


def test_a_bounded_report_is_not_said_to_have_all_findings(tmp_path):
    records = {key(number): b"" if number % 2 else datum(pixels(number), number) for number in range(400)}
    store = write_lmdb(tmp_path / "env", records)
    said = run("scan", store, "--report", tmp_path / "r.xml").stdout
    assert "all 200 findings: datacheck scan " in said
    said = run("scan", store, "--report", tmp_path / "r.xml", "--report", tmp_path / "r.json").stdout
    assert f"all 200 findings: {tmp_path / 'r.json'}\n" in said


def test_all_formats_of_one_run_at_once(store, tmp_path):
    names = [f"r{suffix}" for suffix in (".json", ".jsonl", ".csv", ".xml", ".sarif", ".md")]
    run("scan", store, *(it for name in names for it in ("--report", tmp_path / name)))
    assert sorted(it.name for it in tmp_path.iterdir()) == sorted([*names, "env"])

"""Test the page in a real browser: no error, no request, and its table filters, sorts, pages and copies."""

import time

import numpy as np
import pytest
from browsing import NAMES, Browser, binary
from building import datum, key, pictures, raw_records, write_lmdb

import datacheck

pytestmark = pytest.mark.skipif(binary() is None, reason=f"no browser is installed: none of {', '.join(NAMES)}")

HOSTILE = [
    b"</script><script>document.title='owned'</script>",
    b"<img src=http://127.0.0.1:9/x onerror=\"document.title='owned'\">",
    b"javascript:document.title='owned'",
    "صورة-1".encode(),
    "größe".encode(),
    "猫".encode(),
    "a\u202etxt.exe".encode(),
    b"\x1b]0;owned\x07",
]
READY = "document.documentElement.dataset.ready === 'true'"
ROWS = "[...document.querySelectorAll('#findings tbody tr')].map((row) => row.cells[0].textContent)"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("browser")) as made:
        yield made


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page of 160 findings of three codes, some about records with hostile keys."""
    folder = tmp_path_factory.mktemp("page")
    made = pictures()
    records = {key(at): datum(made[at % len(made)], at % 4, shape=(3, 64, 64), encoded=True) for at in range(400)}
    records |= {key(at): b"" for at in range(0, 240, 2)}
    records |= {key(at): datum(made[0][:900], 1, shape=(3, 64, 64), encoded=True) for at in range(241, 305, 2)}
    records |= dict.fromkeys(HOSTILE, b"")
    report = datacheck.scan(write_lmdb(folder / "env", records), reports=[folder / "page.html"])
    assert len(report.findings) == 160
    return folder / "page.html"


@pytest.fixture
def opened(browser, page):
    browser.events.clear()
    browser.resize(1280, 900)
    browser.media(prefers_color_scheme="light")
    browser.open(page, READY)
    return browser


def change(browser, selector, value, event="change"):
    browser.run(
        f"(() => {{ const it = document.querySelector({selector!r}); it.value = {value!r};"
        f" it.dispatchEvent(new Event({event!r}, {{ bubbles: true }})); }})()"
    )


def shown(browser):
    return browser.run("document.getElementById('shown').textContent")


def option(browser, column, word):
    """Return the value of the option whose text begins with `word`."""
    options = f"[...document.querySelectorAll('select[data-column={column}] option')]"
    return browser.run(f"{options}.find((it) => it.textContent.startsWith({word!r})).value")


def test_there_is_no_error_and_no_request(opened, page):
    assert opened.complaints() == []
    assert {it for it in opened.requests() if not it.startswith("data:")} == {f"file://{page}"}


def test_hostile_keys_are_words(opened):
    assert opened.run("document.title").startswith("Not clean")
    change(opened, "#filters input", "owned", "input")
    opened.wait("document.getElementById('shown').textContent.startsWith('1 to 4')")
    names = opened.run(ROWS)
    assert "</script><script>document.title='owned'</script>" in names
    assert r"\x1b]0;owned\x07" in names
    assert opened.run("document.title").startswith("Not clean")
    assert opened.run("document.querySelectorAll('img, iframe, object, embed, link').length") == 0
    assert opened.run("document.querySelectorAll('script').length") == 2
    assert opened.complaints() == []


def test_the_policy_stops_what_is_not_its_own(opened):
    opened.run(
        "(() => { const it = document.createElement('script'); it.textContent = \"document.title = 'owned'\";"
        " document.body.append(it); const image = new Image(); image.src = 'http://127.0.0.1:9/x';"
        " document.body.append(image); })()"
    )
    time.sleep(0.2)
    assert opened.run("document.title").startswith("Not clean")
    assert any("Content Security Policy" in str(it) for it in opened.complaints())


def test_paging_goes_through_all_findings(opened):
    assert shown(opened) == "1 to 50 of 160"
    seen = opened.run(ROWS)
    while not opened.run("document.querySelectorAll('#pages button')[1].disabled"):
        opened.run("document.querySelectorAll('#pages button')[1].click()")
        seen += opened.run(ROWS)
    assert shown(opened) == "151 to 160 of 160"
    assert len(seen) == len(set(seen)) == 160
    opened.run("document.querySelectorAll('#pages button')[0].click()")
    assert shown(opened) == "101 to 150 of 160"


def test_filters_by_code_verdict_keys_and_text_go_together(opened):
    change(opened, "select[data-column=c]", option(opened, "c", "truncated"))
    assert shown(opened) == "1 to 32 of 32, 160 in all"
    change(opened, "#filters input", "00000241", "input")
    opened.wait("document.getElementById('shown').textContent.startsWith('1 to 1 ')")
    assert opened.run(ROWS) == ["00000241"]
    change(opened, "#filters input", "none like this", "input")
    opened.wait("document.getElementById('shown').textContent === '0 of 160'")
    assert opened.run("document.querySelector('#findings tbody').textContent") == "No finding is like that."
    opened.run("document.querySelector('#filters button').click()")
    assert shown(opened) == "1 to 50 of 160"
    change(opened, "select[data-column=a]", option(opened, "a", "größe"))
    assert opened.run(ROWS) == ["größe"]


def test_sorting_goes_up_down_and_back(opened):
    by_position = "document.querySelector('th[data-sort=i] button')"
    sort = "document.querySelector('th[data-sort=i]').getAttribute('aria-sort')"
    positions = "[...document.querySelectorAll('#findings tbody tr')].map((row) => Number(row.cells[1].textContent))"
    before = opened.run(ROWS)
    opened.run(f"{by_position}.click()")
    assert opened.run(sort) == "ascending"
    up = opened.run(positions)
    assert up == sorted(up)
    opened.run(f"{by_position}.click()")
    assert opened.run(sort) == "descending"
    down = opened.run(positions)
    assert down == sorted(down, reverse=True)
    assert down[0] > up[0]
    opened.run(f"{by_position}.click()")
    assert opened.run(sort) is None
    assert opened.run(ROWS) == before


def test_a_command_and_a_key_are_copied(opened):
    opened.send("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    opened.run("document.querySelector('.step button').click()")
    opened.wait("document.getElementById('announce').textContent === 'Copied the command.'")
    said = opened.run("document.querySelector('.step code').textContent")
    assert said.startswith("datacheck scan ")
    assert opened.run("navigator.clipboard.readText()") == said
    change(opened, "#filters input", "größe", "input")
    opened.wait("document.getElementById('shown').textContent.startsWith('1 to 1 ')")
    opened.run("document.querySelector('#findings td button').click()")
    opened.wait("document.getElementById('announce').textContent.includes('gr')")
    assert opened.run("navigator.clipboard.readText()") == r"gr\xc3\xb6\xc3\x9fe"  # in the form that `show` takes


def test_everything_is_reached_by_keyboard(opened):
    reached = set()
    for _ in range(60):
        opened.send("Input.dispatchKeyEvent", type="keyDown", key="Tab", code="Tab", windowsVirtualKeyCode=9)
        opened.send("Input.dispatchKeyEvent", type="keyUp", key="Tab", code="Tab", windowsVirtualKeyCode=9)
        reached.add(
            opened.run("document.activeElement.tagName + (document.activeElement.closest('th') ? ' of a head' : '')")
        )
    assert {"A", "BUTTON", "INPUT", "SELECT", "BUTTON of a head"} <= reached


@pytest.mark.parametrize("width", [320, 640, 1280, 2560])
def test_it_is_as_wide_as_the_window(opened, width):
    opened.resize(width, 900)
    assert opened.run("document.documentElement.scrollWidth") <= width


def test_every_picture_is_drawn_and_has_words(opened):
    assert opened.run("document.querySelectorAll('svg.picture').length") >= 7
    assert opened.run("[...document.querySelectorAll('svg[role=img]')].every((it) => it.getAttribute('aria-label'))")
    assert opened.run("[...document.querySelectorAll('svg image')].every((it) => it.getBBox().width > 0)")


def test_the_dark_is_dark(opened):
    light = opened.run("getComputedStyle(document.body).backgroundColor")
    opened.media(prefers_color_scheme="dark")
    dark = opened.run("getComputedStyle(document.body).backgroundColor")

    def brightness(colour):
        return sum(map(int, colour.removeprefix("rgb(").removesuffix(")").split(",")))

    assert brightness(dark) < 150 < 600 < brightness(light)


def test_without_scripts_the_first_screen_and_the_pictures_are_there(browser, page):
    browser.send("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.events.clear()
        browser.open(page)
        said = browser.run("document.body.innerText")
        assert "Not clean" in said
        assert "00000000" in said
        assert browser.run("document.querySelectorAll('svg.picture').length") >= 7
        assert browser.run("document.getElementById('filters').hidden")
        assert browser.run("[...document.querySelectorAll('.step button')].every((it) => it.hidden)")
    finally:
        browser.send("Emulation.setScriptExecutionDisabled", value=False)


def test_a_hundred_thousand_findings_fit(browser, tmp_path):
    nan = datum(np.array([[[np.nan, 1, 2, 3]]], np.float32), 1)
    sound = datum(np.array([[[0, 1, 2, 3]]], np.float32), 1)
    records = ((b"record-%06d" % at, nan if at % 2 else sound) for at in range(202_000))
    report = datacheck.scan(write_lmdb(tmp_path / "env", records), reports=[tmp_path / "page.html"])
    assert len(report.findings) >= 101_000
    assert (tmp_path / "page.html").stat().st_size < 20 << 20
    browser.events.clear()
    browser.open(tmp_path / "page.html", READY)
    assert browser.complaints() == []
    assert shown(browser) == "1 to 50 of 100,000"
    change(browser, "#filters input", "record-150001", "input")
    browser.wait("document.getElementById('shown').textContent.startsWith('1 to 1 ')")
    assert browser.run(ROWS) == ["record-150001"]
    browser.run("document.querySelector('th[data-sort=where] button').click()")
    assert shown(browser).startswith("1 to 1 ")


def test_a_page_without_findings_runs_as_well(browser, tmp_path):
    datacheck.scan(write_lmdb(tmp_path / "env", raw_records(30)), reports=[tmp_path / "page.html"])
    browser.events.clear()
    browser.open(tmp_path / "page.html")
    assert browser.complaints() == []
    assert browser.run("document.querySelector('h1').textContent") == "Clean"

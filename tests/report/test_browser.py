"""The page in a real browser: read on a phone and on a desk, by day and by night; it reaches for nothing."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recording_tracker import Tracker
from tests.figures import Figures
from tests.report.conftest import MANY, NOW, Audited, take_examples

webdriver = pytest.importorskip("selenium.webdriver")
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not installed")

PHONE, DESK = 390, 1280
TALLEST = 6_000
FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars",
]  # fmt: skip
SHOWN = (
    "return [...document.querySelectorAll(`#${arguments[0]} > .item:not([hidden]) .id`)].map((id) => id.textContent)"
)


class Browser:
    """A Chromium that looks at files."""

    def __init__(self, profile: Path) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = webdriver.ChromeService(executable_path=DRIVER, log_output=os.devnull)
        self.driver: Any = webdriver.Chrome(options=options, service=service)

    def look(self, file: Path, *, width: int = DESK, dark: bool = False) -> None:
        """Open *file* in a window of *width*, and forget what the one before has said."""
        metrics = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width == PHONE}
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.driver.get("about:blank")
        for log in ("browser", "performance"):
            self.driver.get_log(log)
        self.driver.get(file.as_uri())

    def ask(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def click(self, selector: str) -> None:
        self.driver.find_element("css selector", selector).click()

    def complaints(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Every address that was asked for."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]

    def shoot(self, file: Path) -> None:
        """Keep a picture of the whole page."""
        width, height = self.ask("return [innerWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, TALLEST), "scale": 1}
        taken = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
        file.write_bytes(base64.b64decode(taken["data"]))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    made = Browser(tmp_path_factory.mktemp("profile"))
    yield made
    made.driver.quit()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def rich_page(rich: Audited, pages: Path) -> Path:
    file = pages / "rich.html"
    file.write_text(rich.audit("html"), encoding="utf-8")
    return file


@pytest.fixture
def screenshots(tmp_path: Path) -> Path:
    """Where pictures are kept: in the folder that TRACKER_SCREENSHOTS names, for whoever wants to look at them."""
    folder = Path(os.environ.get("TRACKER_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK], ids=["phone", "desk"])
def test_the_page_fits_its_window_and_reaches_for_nothing(
    browser: Browser, rich_page: Path, screenshots: Path, width: int, dark: bool
) -> None:
    browser.look(rich_page, width=width, dark=dark)
    browser.ask("document.querySelectorAll('details').forEach((each) => { each.open = true })")
    browser.shoot(screenshots / f"audit-{width}-{'dark' if dark else 'light'}.png")

    assert browser.ask("return document.documentElement.scrollWidth") == width
    assert browser.complaints() == []
    assert browser.requests() == [rich_page.as_uri()]


def test_dark_and_light_differ_and_can_both_be_read(browser: Browser, rich_page: Path) -> None:
    seen = []
    for dark in (False, True):
        browser.look(rich_page, dark=dark)
        seen.append(
            browser.ask("const style = getComputedStyle(document.body); return [style.color, style.backgroundColor]")
        )

    contrasts = [_contrast(*map(_rgb, pair)) for pair in seen]
    assert seen[0] != seen[1]
    # https://www.w3.org/TR/WCAG22/#contrast-minimum
    assert min(contrasts) > 4.5


PAST_THEIR_BOX = """
return [...document.querySelectorAll(".machine .state")].filter((state) => {
  const [box, ...texts] = [...state.children].map((part) => part.getBoundingClientRect());
  const [name, , count] = texts;
  return texts.some((text) => text.right > box.right || text.bottom > box.bottom) || (count && name.right > count.left);
}).map((state) => state.textContent)
"""


@pytest.mark.parametrize("width", [PHONE, DESK], ids=["phone", "desk"])
def test_every_word_of_a_diagram_stays_in_its_box(browser: Browser, rich_page: Path, width: int) -> None:
    browser.look(rich_page, width=width)
    browser.ask("document.querySelectorAll('details').forEach((each) => { each.open = true })")

    assert browser.ask("return document.querySelectorAll('.machine .state').length") > 60
    assert browser.ask(PAST_THEIR_BOX) == []


PAST_THE_EDGE = """
const [range, boxes] = [document.createRange(), ".todo > li, .alert, .flag, .facts, .remedies, .commands, .wide tr"];
return [...document.querySelectorAll(boxes)].filter((box) => {
  range.selectNodeContents(box);
  const edge = box.getBoundingClientRect().right - parseFloat(getComputedStyle(box).paddingRight);
  return [...range.getClientRects()].some((rectangle) => rectangle.right > edge + 0.5);
}).map((box) => box.textContent)
"""


def test_no_word_sticks_out_of_its_box_on_a_phone(browser: Browser, pages: Path) -> None:
    with Tracker(pages / "long.db") as tracker:
        take_examples(tracker)
        for provider in ("bandwidth", "enablex", "line_planet"):
            tracker.expect(provider, f"app/{'long' * 40}", at=NOW.replace(year=2025))
            tracker.expect(provider, group="g" * 200, at=NOW.replace(year=2025))
    file = pages / "long.html"
    file.write_text(Audited(pages / "long.db", pages).audit("html"), encoding="utf-8")

    browser.look(file, width=PHONE)
    browser.ask("document.querySelectorAll('details').forEach((each) => { each.open = true })")

    assert "/accounts/{accountId}/recordings" in browser.ask("return document.body.textContent")
    assert browser.ask(PAST_THE_EDGE) == []


PAPER = 718
"""Columns and, below, lines of an A4 page between its margins, in pixels."""
PAPER_HEIGHT = 1_046


def test_on_paper_it_is_dark_on_white_and_whole(browser: Browser, rich_page: Path, screenshots: Path) -> None:
    browser.look(rich_page, width=PAPER)
    dark = {"name": "prefers-color-scheme", "value": "dark"}
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": [dark]})
    try:
        style = "const style = getComputedStyle(document.body); return [style.color, style.backgroundColor]"
        ink, paper = map(_rgb, browser.ask(style))
        shown = browser.ask(
            "return [...document.querySelectorAll('.controls, nav, button')].filter((e) => e.offsetHeight)"
        )
        folded = browser.ask("return [...document.querySelectorAll('.more')].filter((e) => !e.offsetHeight)")
        cut = browser.ask("return [...document.querySelectorAll('figure')].map((e) => getComputedStyle(e).breakInside)")
        heights = browser.ask("return [...document.querySelectorAll('figure')].map((e) => e.offsetHeight)")
        width = browser.ask("return document.documentElement.scrollWidth")
        printed = browser.driver.execute_cdp_cmd("Page.printToPDF", {"paperWidth": 8.27, "paperHeight": 11.69})
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    (screenshots / "audit.pdf").write_bytes(base64.b64decode(printed["data"]))

    assert paper == [255, 255, 255]
    assert _contrast(ink, paper) > 10
    assert (shown, folded) == ([], [])
    assert width == PAPER
    assert set(cut) == {"avoid"}
    assert 0 < max(heights) < PAPER_HEIGHT


def test_after_printing_all_is_folded_as_before(browser: Browser, rich_page: Path) -> None:
    unfolded = "return [...document.querySelectorAll('details')].map((each) => each.open)"
    browser.look(rich_page)
    before = browser.ask(unfolded)

    browser.ask("dispatchEvent(new Event('beforeprint'))")
    printing = browser.ask(unfolded)
    browser.ask("dispatchEvent(new Event('afterprint'))")

    assert all(printing)
    assert not all(before)
    assert browser.ask(unfolded) == before


def _rgb(css: str) -> list[int]:
    return [int(part) for part in css.removeprefix("rgb(").removesuffix(")").split(",")]


def _contrast(one: list[int], other: list[int]) -> float:
    low, high = sorted(map(_luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(color: list[int]) -> float:
    linear = [(part / 255 / 12.92) if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in color]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_a_click_sorts_the_list_and_another_turns_it(browser: Browser, rich_page: Path) -> None:
    browser.look(rich_page)
    by_age = browser.ask(SHOWN, "stuck")

    browser.click('.controls[data-of="stuck"] button[value="name"]')
    by_name = browser.ask(SHOWN, "stuck")
    browser.click('.controls[data-of="stuck"] button[value="name"]')
    turned = browser.ask(SHOWN, "stuck")

    assert by_name == sorted(by_age) != by_age
    assert turned == by_name[::-1]


def test_a_text_and_a_choice_filter_the_list(browser: Browser, rich_page: Path) -> None:
    browser.look(rich_page)
    controls = '.controls[data-of="flagged"]'
    everything = browser.ask(SHOWN, "flagged")

    browser.driver.find_element("css selector", f"{controls} input").send_keys("NO SUCH bucket")
    found = browser.ask(SHOWN, "flagged")
    counted = browser.ask(f"return document.querySelector('{controls} output').textContent")
    browser.driver.find_element("css selector", f"{controls} input").clear()
    browser.click(f'{controls} select[name="flags"] option[value="missing-event"]')
    missing = browser.ask(SHOWN, "flagged")

    assert len(everything) == 6
    assert len(found) == 1
    assert counted == "1 of 6"
    assert len(missing) == 3


def test_what_is_to_be_done_leads_to_its_recordings(browser: Browser, rich_page: Path) -> None:
    browser.look(rich_page)

    browser.click('.pick[data-provider="enablex"][data-flags="missing-terminal"]')

    assert browser.ask(SHOWN, "stuck") == ["demo-app/conf-3"]


def test_without_script_all_is_there_and_in_order(browser: Browser, rich_page: Path) -> None:
    browser.look(rich_page)
    scripted = browser.ask(SHOWN, "stuck")

    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.look(rich_page)
        assert browser.ask(SHOWN, "stuck") == scripted
        assert browser.ask("return document.querySelectorAll('.controls:not([hidden])').length") == 0
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


ATTACKS = [
    "</title></style></script><script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "' onmouseover='document.title=1' style='position:fixed",
    "<svg onload=document.title='owned'>",
    "javascript:document.title='owned'",
    "<iframe src=https://evil.example></iframe><link rel=stylesheet href=https://evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "&lt;script&gt; &#60;b&#62; {{7*7}} <!-- ]]>",
]


def test_a_hostile_text_stays_text(browser: Browser, pages: Path) -> None:
    with Tracker(pages / "hostile.db") as tracker:
        for number, text in enumerate(ATTACKS):
            body = {
                "recordingId": f"r{number} {text}",
                "callId": text,
                "eventType": "recordingAvailable",
                "status": text,
            }
            tracker.ingest("bandwidth", body | {"eventTime": "2026-10-01T10:00:00Z"}, received_at=NOW)
            tracker.expect("bandwidth", group=text, at=NOW.replace(year=2025))
    file = pages / "hostile.html"
    file.write_text(Audited(pages / "hostile.db", pages).audit("html"), encoding="utf-8")

    browser.look(file)
    text = browser.ask("return document.body.textContent")

    assert browser.ask("return document.title").endswith("open recordings")
    assert browser.ask("return document.querySelectorAll('script').length") == 1
    assert browser.ask("return document.querySelectorAll('img, iframe, link, object, embed, base, form').length") == 0
    assert [attack for attack in ATTACKS if attack not in text] == []
    assert browser.complaints() == []
    assert browser.requests() == [file.as_uri()]


def test_ten_thousand_stuck_recordings_are_a_page_that_can_be_used(
    browser: Browser, crowd: Audited, pages: Path, screenshots: Path, figures: Figures
) -> None:
    file = pages / "crowd.html"
    file.write_text(crowd.audit("html"), encoding="utf-8")

    browser.look(file, width=PHONE)
    painted = browser.ask("return performance.getEntriesByName('first-contentful-paint')[0].startTime")
    loaded = browser.ask("return performance.timing.loadEventEnd - performance.timing.navigationStart")
    began = browser.ask("return performance.now()")
    browser.driver.find_element("css selector", "input").send_keys("09999")
    found = browser.ask(SHOWN, "stuck")
    took = browser.ask("return performance.now()") - began
    browser.shoot(screenshots / "crowd-390-light.png")
    figures.add(
        fault="page",
        what="ten thousand stuck recordings",
        tried=1,
        bytes=file.stat().st_size,
        painted_ms=painted,
        loaded_ms=loaded,
        found_ms=took,
    )

    assert browser.ask("return document.querySelectorAll('#stuck > .item').length") == MANY
    assert found == ["https://recorder.example/recording/09999"]
    assert file.stat().st_size < 6_000_000
    assert browser.ask("return document.documentElement.scrollWidth") == PHONE

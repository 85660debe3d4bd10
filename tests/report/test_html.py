"""The page: the answer and what to do first, every recording with its evidence, then what each provider did."""

from __future__ import annotations

import shlex
from datetime import timedelta
from pathlib import Path

import pytest

from recording_tracker import Tracker
from recording_tracker.report.html import MOST_TO_DO, audit_html
from recording_tracker.report.items import MOST_IN_FULL, commands
from recording_tracker.survey import Survey
from tests.hostile.readers import Node, html_page
from tests.report.conftest import MANY, NOTE, NOW, Audited


def page(survey: Survey) -> Node:
    return html_page("\n".join(audit_html(survey)).encode())


@pytest.fixture(scope="module")
def survey(rich: Audited) -> Survey:
    with Tracker(rich.db, machines=rich.machines, readonly=True) as tracker:
        return tracker.survey(NOW, since=timedelta(days=30))


@pytest.fixture(scope="module")
def read(survey: Survey) -> Node:
    return page(survey)


def items(read: Node, section: str) -> dict[str, Node]:
    return {
        item.of_class("id")[0].text: item for whole in read.having("id", section) for item in whole.of_class("item")
    }


def test_the_survey_is_the_audit_and_more(rich: Audited, survey: Survey) -> None:
    with Tracker(rich.db, machines=rich.machines, readonly=True) as tracker:
        assert survey.report == tracker.audit(NOW, since=timedelta(days=30))
    assert set(survey.providers) == set(survey.report.providers)


def test_the_answer_stands_first_with_since_when_and_of_how_many(read: Node) -> None:
    header = read.one("header")

    assert header.one("h1").text == "4 stuck of 5 open recordings"
    assert read.one("title").text == header.one("h1").text
    assert "The first of them since 2026-11-01 13:07:00Z (4h 53m ago). 1 of them acknowledged." in header.text


def test_what_else_somebody_should_know_stands_beside_it(read: Node) -> None:
    alerts = [alert.one("strong").text for alert in read.of_class("alert")]

    assert alerts == [
        "Silent: nothing has come from enablex since 2026-11-01 14:01:00Z (3h 59m ago)",
        "3 bodies could not be attributed",
        "6 recordings rest on another version of their machine",
    ]


def test_what_to_do_is_told_by_kind_the_longest_stuck_first(read: Node) -> None:
    told = [item.one("b").text for item in read.of_class("todo")[0].all("li")]

    # What is stuck comes before what is not, and what is acknowledged needs nothing.
    assert told[:3] == ["agora: stalled", "aircore: missing-terminal", "enablex: missing-terminal"]
    assert "bandwidth: stalled" not in told
    assert len(told) == MOST_TO_DO


def test_what_is_wrong_with_a_recording_in_two_ways_is_one_recording_to_look_at(tmp_path: Path) -> None:
    with Tracker(tmp_path / "r.db") as tracker:
        started = {
            "event": "recording-started",
            "timestamp": 1793527200000,
            "recording": {"url": "https://r.example/1"},
        }
        tracker.ingest("aircore", started, received_at=NOW)
        found = page(tracker.survey(NOW + timedelta(days=9)))

    [item] = found.of_class("todo")[0].all("li")
    assert [flag.text for flag in found.of_class("codes")] == ["stalled missing-terminal"]
    assert item.text.startswith("1")
    assert item.one("b").text == "aircore: stalled"


def test_a_provider_that_reports_two_errors_of_a_recording_counts_it_once(read: Node) -> None:
    [item] = [item for item in read.of_class("todo")[0].all("li") if item.one("b").text == "agora: provider-error"]

    assert item.of_class("count")[0].text.startswith("1")


def test_what_a_provider_reports_is_mended_as_its_code_says(read: Node) -> None:
    [item] = [item for item in read.of_class("todo")[0].all("li") if item.one("b").text == "aircore: provider-error"]

    assert "check the region in the start request" in item.text
    assert item.one("code").text.startswith("tracker explain http://recorder.example")


def test_what_is_to_be_done_is_what_the_story_of_the_longest_stuck_says(read: Node) -> None:
    told = {item.one("b").text: item.text for item in read.of_class("todo")[0].all("li")}

    assert "find out whether it still runs: ask Agora's query API with the sid" in told["agora: stalled"]
    assert "check the storage settings of the start request" in told["aircore: missing-terminal"]


def test_an_item_tells_what_is_wrong_since_when_and_by_what_evidence(survey: Survey, read: Node) -> None:
    for section, recordings in (("stuck", survey.report.stuck), ("flagged", survey.report.flagged)):
        told = items(read, section)
        assert list(told) == [recording.id for recording in recordings]
        for recording in recordings:
            text = told[recording.id].text
            assert [flag.message for flag in recording.flags if flag.message not in text] == []
            assert [event for flag in recording.flags for event in flag.events if event not in text] == []
            assert [command for command in commands(recording) if command not in text] == []
            assert all(state in text for state in recording.state.values())


def test_what_was_acknowledged_is_told_with_its_note(read: Node) -> None:
    [item] = [item for name, item in items(read, "stuck").items() if name == "r-demo-5"]
    [row] = [row for row in read.all("tr") if "r-demo-5" in row.text]

    assert "done" in item.attributes["class"]
    assert f"Acknowledged: {NOTE}" in item.text
    assert [cell.text for cell in row.all("td")][:4] == ["bandwidth", "r-demo-5", "stalled", NOTE]


def panels(read: Node) -> dict[str, Node]:
    return {found.all("b")[0].text: found for found in read.of_class("provider")}


def test_a_provider_has_each_region_with_the_recordings_in_its_states(survey: Survey, read: Node) -> None:
    for name, found in survey.providers.items():
        assert found.machine is not None
        figures = {figure.one("figcaption").text.split()[0]: figure for figure in panels(read)[name].all("figure")}
        assert len(figures) == len(found.machine.regions)
        for region in found.machine.regions:
            figure = figures[region.name]
            told = {
                node.attributes["data-state"]: int(node.attributes["data-open"]) for node in figure.having("data-state")
            }
            expected = dict.fromkeys(region.states, 0)
            for total in found.open:
                expected[total.state[region.name]] += total.recordings
            assert told == expected


def test_a_stuck_recording_is_marked_in_the_region_that_is_stuck(read: Node) -> None:
    stuck = {name: _marked(panel) for name, panel in panels(read).items()}

    assert stuck == {
        "agora": ["reporting"],
        "aircore": ["stopped"],
        "bandwidth": ["processing"],
        "enablex": ["ended"],
        "line_planet": [],
    }


def _marked(panel: Node) -> list[str]:
    return [
        node.attributes["data-state"] for node in panel.having("data-stuck") if node.attributes["data-stuck"] != "0"
    ]


def test_the_stuck_region_stands_first(read: Node) -> None:
    captions = [caption.text.split()[0] for caption in panels(read)["agora"].all("figcaption")]

    assert captions == ["recorder", "service", "uploader", "transcoding", "vod"]


def test_what_has_nothing_stuck_is_folded_up(read: Node) -> None:
    assert {name: "open" in panel.attributes for name, panel in panels(read).items()} == {
        "agora": True, "aircore": True, "bandwidth": True, "enablex": True, "line_planet": False,
    }  # fmt: skip


def test_times_are_told_against_the_limit_of_their_state(survey: Survey, read: Node) -> None:
    observed = survey.providers["agora"].observed
    assert observed is not None
    silences = observed.silences["recorder", "reporting"]
    over = sum(silence > 300_000 for silence in silences)

    [chart] = [
        node for node in panels(read)["agora"].of_class("spreads")[0].all("div") if _is_of(node, "reporting, silence")
    ]

    assert f"({len(silences)}) {over} over the limit" in chart.text
    assert chart.all("p")[1].text.endswith(" of 5m")
    assert len(chart.of_class("over")) > 0
    assert len(chart.of_class("limit")) == 1


def _is_of(chart: Node, title: str) -> bool:
    return chart.all("b")[0].text.endswith(title)


def test_what_callbacks_did_is_told(survey: Survey, read: Node) -> None:
    for name, found in survey.providers.items():
        told = {
            node.one("dt").text: node.one("dd").text
            for node in panels(read)[name].all("div")
            if len(node.all("dt")) == 1
        }
        observed = found.observed
        assert observed is not None
        assert told["quarantined, ever"] == str(found.bodies.get("quarantined", 0))
        assert told["rejected, ever"] == str(found.bodies.get("rejected", 0))
        assert told[f"events of the newest {observed.recordings} complete"] == str(observed.events)
        for word, count in (("doubled", observed.duplicates), ("late", observed.late), ("lost", observed.missing)):
            [value] = [value for label, value in told.items() if label.startswith(word)]
            assert value.split()[0] == str(count)
        delays = [label for label in told if label.startswith("delay")]
        assert len(delays) == (4 if observed.delays_ms else 0)


def test_where_nothing_is_wrong_the_page_says_so(tmp_path: Path) -> None:
    with Tracker(tmp_path / "recordings.db") as tracker:
        tracker.expect("agora", "0123456789abcdef0123456789abcdef", at=NOW)
        read = page(tracker.survey(NOW))

    assert read.one("h1").text == "0 stuck of 1 open recordings"
    assert read.one("h1").attributes["class"] == "good"
    assert "Every open recording is in time." in read.text
    assert read.having("id", "stuck") == []
    assert read.of_class("todo") == []


def test_an_empty_journal_makes_a_page(tmp_path: Path) -> None:
    with Tracker(tmp_path / "recordings.db") as tracker:
        read = page(tracker.survey(NOW))

    assert read.one("h1").text == "0 stuck of 0 open recordings"
    assert read.of_class("provider") == []


def test_a_provider_whose_machine_is_gone_is_still_told(rich: Audited) -> None:
    with Tracker(rich.db, machines=rich.machines, readonly=True) as tracker:
        survey = tracker.survey(NOW)
    gone = survey.providers["aircore"]
    survey.providers["aircore"] = type(gone)(machine=None, open=gone.open, bodies=gone.bodies, observed=None)

    panel = panels(page(survey))["aircore"]

    assert "No machine file is in use for it any more." in panel.text
    assert "1 stuck" in panel.text


def test_of_very_many_all_are_listed_and_the_first_told_in_full(crowd: Audited) -> None:
    read = html_page(crowd.audit("html").encode())

    [stuck] = read.having("id", "stuck")
    found = stuck.of_class("item")
    assert len(found) == MANY
    assert [item.name for item in found[MOST_IN_FULL - 1 : MOST_IN_FULL + 1]] == ["details", "div"]
    assert [item.text for item in found[9_999:]] == ["aircorehttps://recorder.example/recording/09999stalled1d 9h ago"]
    assert read.of_class("todo")[0].of_class("count")[0].text.startswith(f"{MANY}")


@pytest.mark.parametrize("name", ["plain", "-rf", "a b", "it's", "$(id)", "`id`", "会議", "--note"])
def test_a_command_names_the_recording_and_nothing_else(tmp_path: Path, name: str) -> None:
    with Tracker(tmp_path / "recordings.db") as tracker:
        tracker.expect("bandwidth", name, at=NOW)
        [recording] = tracker.recordings(now=NOW)

    words = [shlex.split(command) for command in commands(recording)]

    assert [found[-1] for found in words] == [name] * 3
    assert [found[:2] for found in words] == [["tracker", "explain"], ["tracker", "ack"], ["tracker", "resolve"]]
    assert all(found[-2] == "--" for found in words if name.startswith("-"))


def test_an_id_that_cannot_be_typed_is_in_no_command(tmp_path: Path) -> None:
    with Tracker(tmp_path / "recordings.db") as tracker:
        tracker.expect("bandwidth", group="a\u202eb", at=NOW)
        [recording] = tracker.recordings(now=NOW)

    assert commands(recording) == []

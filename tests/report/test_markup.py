"""Markup: what is text stays text, as a child and as an attribute."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_tracker.report.markup import Markup, join, spaced, tag, text
from recording_tracker.report.safe import printable


class Reader(HTMLParser):
    """Keeps what a parser finds."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text())
def test_any_text_is_read_back_as_it_is_shown(words: str) -> None:
    reader = Reader()

    reader.feed(tag("p", words, title=words))
    reader.close()

    assert reader.tags == [("p", {"title": printable(words)})]
    assert reader.text == printable(words)


def test_markup_is_put_in_as_it_is_and_none_is_left_out() -> None:
    assert tag("p", tag("b", "<"), None, "&", 3) == "<p><b>&lt;</b>&amp;3</p>"
    assert join(spaced([tag("b", "a"), "<"])) == "<b>a</b> &lt;"


def test_attributes_are_named_as_in_html() -> None:
    assert (
        tag("a", class_="x", data_of="y", hidden=True, open=False, title=None) == '<a class="x" data-of="y" hidden></a>'
    )
    assert tag("input", type="search") == '<input type="search">'


@pytest.mark.parametrize("odd", ["a\nb", "\x1b[31m", "\u202egnp", "\0"])
def test_what_moves_or_hides_text_is_shown_as_an_escape(odd: str) -> None:
    assert text(odd).isprintable()


def test_text_is_no_markup_until_it_has_been_made_so() -> None:
    assert not isinstance(str(Markup("<b>")) + "<i>", Markup)
    assert join(["<b>"]) == "&lt;b&gt;"

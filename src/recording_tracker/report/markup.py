"""Markup: elements of HTML and SVG; whatever is text becomes safe on its way into one, and there is no other way."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

from recording_tracker.report.safe import printable

# https://html.spec.whatwg.org/multipage/syntax.html#void-elements
_VOID: Final = {"meta", "input"}


class Markup(str):
    """Text that is markup already: what ``text``, ``join`` and ``tag`` return, and the page's own style and script."""

    __slots__ = ()


def text(value: object) -> Markup:
    """Write *value* so that nothing in it is markup, and nothing moves, hides or turns other text around."""
    return Markup(_safe(value))


def _safe(value: object) -> str:
    return escape(printable(value))


def join(parts: Iterable[object]) -> Markup:
    """Put *parts*, markup or text, one behind the other; None stands for nothing."""
    return Markup("".join([part if isinstance(part, Markup) else _safe(part) for part in parts if part is not None]))


def spaced(parts: Iterable[object]) -> list[object]:
    """Put a blank between *parts*, so that a line may break there and a reader of the text sees where one ends."""
    return [piece for part in parts for piece in (part, " ")][:-1]


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """
    Write an element with *children*, as in ``join``.

    An attribute ``class_`` is ``class``, and ``data_name`` is ``data-name``; None and False leave it out, True
    writes its name only.
    """
    written = "".join([_attribute(key, value) for key, value in attributes.items()])
    return Markup(f"<{name}{written}>" if name in _VOID else f"<{name}{written}>{join(children)}</{name}>")


def _attribute(key: str, value: object) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{_safe(value)}"'

"""Page: the parts of a report in, one HTML file that needs and reaches nothing else out."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path

from recording_tracker.report.markup import Markup, tag


def page(title: str, parts: Iterable[Markup]) -> Iterator[str]:
    """
    Yield the lines of a page around *parts*.

    Its policy lets a browser load nothing, send nothing, and run no script but the one that is written here.
    """
    script, style = _own("page.js"), _own("page.css")
    digest = b64encode(sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'"
    )
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield tag("meta", http_equiv="Content-Security-Policy", content=policy)
    yield tag("meta", name="viewport", content="width=device-width, initial-scale=1")
    yield tag("meta", name="color-scheme", content="light dark")
    yield tag("meta", name="referrer", content="no-referrer")
    yield tag("title", title)
    yield tag("style", style)
    yield "</head><body>"
    yield from parts
    yield tag("script", script)
    yield "</body></html>"


@cache
def _own(name: str) -> Markup:
    """Read the style or the script that lies beside this module."""
    return Markup(Path(__file__).with_name(name).read_text(encoding="utf-8"))

"""Provider text made safe to look at: what would move a cursor, hide or turn text around is shown as an escape."""

from __future__ import annotations

import re

# Cc, Cf, Cs, Zl and Zp, private and unassigned planes aside.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)


def printable(text: object, *, width: int | None = None) -> str:
    """Write *text* in one line, unsafe characters as escapes, cut to *width* characters."""
    safe = _UNSAFE.sub(lambda found: found.group().encode("unicode_escape").decode(), str(text))
    return safe if width is None or len(safe) <= width else safe[: max(width - 1, 1)] + "…"


def middle(text: object, width: int) -> str:
    """Write *text* like ``printable`` and leave out its middle where it is too wide: ids differ at their ends."""
    safe = printable(text)
    if len(safe) <= width or width < 5:
        return safe
    tail = (width - 1) // 2
    return f"{safe[: width - 1 - tail]}…{safe[-tail:]}"

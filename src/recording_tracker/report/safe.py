"""Provider text made safe to look at: what would move a cursor, hide or turn text around is shown as an escape."""

from __future__ import annotations


def printable(text: object, *, width: int | None = None) -> str:
    """
    Write *text* in one line, unsafe characters as escapes, cut to *width* characters.

    Safe is what ``repr`` shows as it is: no control, format or unassigned character, no half of a surrogate
    pair, no blank but the usual one.
    """
    safe = str(text)
    if not safe.isprintable():
        safe = "".join(sign if sign.isprintable() else _escaped(sign) for sign in safe)
    return safe if width is None or len(safe) <= width else safe[: max(width - 1, 1)] + "…"


def _escaped(sign: str) -> str:
    return sign.encode("unicode_escape").decode()


def middle(text: object, width: int) -> str:
    """Write *text* like ``printable`` and leave out its middle where it is too wide: ids differ at their ends."""
    safe = printable(text)
    if len(safe) <= width or width < 5:
        return printable(safe, width=width)
    tail = (width - 1) // 2
    return f"{safe[: width - 1 - tail]}…{safe[-tail:]}"

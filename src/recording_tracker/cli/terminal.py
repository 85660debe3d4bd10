"""The terminal: how wide it is, and what is said to whoever sits there."""

from __future__ import annotations

import os
import sys
from typing import TextIO

import click

from recording_tracker.report.safe import middle

LONGEST_LINE = 2_000
USUAL_WIDTH = 80


def width() -> int | None:
    """Return the columns of the terminal that output goes to; None where it goes elsewhere."""
    return _columns(sys.stdout)


def talk(text: str) -> None:
    """Say something on standard error: in one line, which is broken between words where that is a terminal."""
    click.echo(broken(middle(text, LONGEST_LINE), _columns(sys.stderr)), err=True)


def broken(line: str, columns: int | None) -> str:
    """Break *line* between words where it is wider than *columns*; one with styles is for its writer to break."""
    if columns is None or len(line) <= columns or "\x1b" in line:
        return line
    # Loads slowly, and is for long lines only.
    from textwrap import fill

    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return fill(line, columns, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _columns(stream: TextIO) -> int | None:
    if not stream.isatty():
        return None
    # shutil has the same for standard output alone, and brings archives along, which load slowly.
    told = os.environ.get("COLUMNS", "")
    if told.isascii() and told.isdigit() and int(told) > 0:
        return int(told)
    try:
        return os.get_terminal_size(stream.fileno()).columns or USUAL_WIDTH
    except OSError:
        return USUAL_WIDTH

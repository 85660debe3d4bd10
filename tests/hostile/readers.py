"""Strict readers: what the tracker has written in, its content out; ValueError where it could fool who reads it."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

# What click's styles write; the payloads of the corpus have others.
_STYLE = re.compile(r"\x1b\[\d{1,2}m")
_FORMULA = re.compile(r"\s*[=+\-@\t\r\x00＝＋－＠]")
_CODE = re.compile(r"(?<![\\`])(`+)(?!`)(.*?)(?<!`)\1(?!`)")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_MARKUP = re.compile(r"[\[\]<>`*_~!@#&|\\]|://|www\.|mailto:|xmpp:", re.IGNORECASE)
LONGEST_LINE = 20_000


def text_lines(written: bytes, *, styled: bool = False) -> list[str]:
    """Read text for a terminal: lines that end with a line feed and hold nothing but printable signs, and styles."""
    text = written.decode("utf-8", "strict")
    if text and not text.endswith("\n"):
        raise ValueError(f"the last line has no end: {text[-60:]!r}")
    lines = (_STYLE.sub("", text) if styled else text).split("\n")[:-1]
    for line in lines:
        if not line.isprintable():
            raise ValueError(f"not printable: {line!r}")
        if len(line) > LONGEST_LINE:
            raise ValueError(f"{len(line)} signs in a line: {line[:60]!r}")
    return lines


def json_lines(written: bytes) -> list[Any]:
    """Read JSON in ASCII, one value a line."""
    return [_json(line) for line in text_lines(written.decode("ascii", "strict").encode())] if written else []


def long_json_lines(written: bytes) -> list[Any]:
    """Read JSON in ASCII, one value a line of any length."""
    text = written.decode("ascii", "strict")
    if text and not text.endswith("\n"):
        raise ValueError("the last line has no end")
    if not text.replace("\n", "").isprintable():
        raise ValueError("a control character in JSON")
    return [_json(line) for line in text.split("\n")[:-1]]


def _json(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse, object_pairs_hook=_object)


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError(f"a key twice: {[key for key, _ in pairs]}")
    return dict(pairs)


def csv_rows(written: bytes) -> list[dict[str, str]]:
    """Read CSV with a head line: rows of one width, each in one line, and no cell that a sheet would compute."""
    text = written.decode("utf-8", "strict")
    if "\r" in text or not text.endswith("\n"):
        raise ValueError("lines end with a line feed")
    head, *rows = csv.reader(io.StringIO(text), strict=True)
    if text.count("\n") != len(rows) + 1:
        raise ValueError("a row of more than one line")
    for row in rows:
        if len(row) != len(head):
            raise ValueError(f"{len(row)} cells in place of {len(head)}: {row}")
        for cell in row:
            if _FORMULA.match(cell) or not cell.isprintable():
                raise ValueError(f"not a plain cell: {cell!r}")
    return [dict(zip(head, row, strict=True)) for row in rows]


def markdown_tables(written: bytes) -> list[dict[str, str]]:
    """Read the rows of all tables, and see that nothing but headings, plain lines and rows is there."""
    rows: list[dict[str, str]] = []
    head: list[str] | None = None
    for line in text_lines(written):
        if not line.startswith("|"):
            head = None
            plain(line.removeprefix("# ").removeprefix("## "))
            continue
        cells = list(split_row(line))
        if head is None:
            head = cells
        elif len(cells) != len(head):
            raise ValueError(f"{len(cells)} cells in place of {len(head)}: {line!r}")
        elif not all(re.fullmatch("-+:?", cell) for cell in cells):
            rows.append(dict(zip(head, map(plain, cells), strict=True)))
    return rows


def split_row(line: str) -> Iterator[str]:
    """Split a row where GitHub does: at each pipe that has no backslash of its own, code or not."""
    if not line.endswith(" |"):
        raise ValueError(f"a row without an end: {line!r}")
    begin = 1
    for place in range(1, len(line)):
        if line[place] == "|" and (len(line[:place]) - len(line[:place].rstrip("\\"))) % 2 == 0:
            yield line[begin:place].strip(" ")
            begin = place + 1


def plain(text: str) -> str:
    """Return what Markdown shows for *text*; raises ValueError where it would be more than plain text and code."""
    found = _CODE.search(text)
    if found is not None and len(found.group()) != len(text):
        raise ValueError(f"code in a text: {text!r}")
    if found is not None:
        return found[2].replace("\\|", "|")[1:-1]
    bare = _ESCAPED.sub(" ", text)
    markup = _MARKUP.search(re.sub(r"^\*\*Silent:\*\* ", "", bare))
    if markup is not None:
        raise ValueError(f"{markup.group()!r} would be taken for markup: {text!r}")
    return _ESCAPED.sub(r"\1", text)

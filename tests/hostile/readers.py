"""Strict readers: what the tracker has written in, its content out; ValueError where it could fool who reads it."""

from __future__ import annotations

import csv
import io
import json
import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html.parser import HTMLParser
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


class Node:
    """An element of a page, with what is in it."""

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[Node | str] = []

    @property
    def text(self) -> str:
        """All text in it."""
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    def inside(self) -> Iterator[Node]:
        """Yield every element in it, in the order of the page."""
        for child in self.children:
            if isinstance(child, Node):
                yield child
                yield from child.inside()

    def all(self, name: str) -> list[Node]:
        return [node for node in self.inside() if node.name == name]

    def one(self, name: str) -> Node:
        [found] = self.all(name)
        return found

    def having(self, attribute: str, value: str | None = None) -> list[Node]:
        nodes = [node for node in self.inside() if attribute in node.attributes]
        return [node for node in nodes if value in (None, node.attributes[attribute])]

    def of_class(self, word: str) -> list[Node]:
        return [node for node in self.inside() if word in node.attributes.get("class", "").split()]


_POLICY = re.compile(
    r"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-([\w+/]+=*)'; base-uri 'none'; "
    r"form-action 'none'"
)
_VOID = {"meta", "input"}
_INERT = {
    "html", "head", "meta", "title", "style", "script", "body", "header", "main", "nav", "footer", "h1", "h2", "h3",
    "p", "div", "span", "strong", "b", "small", "code", "a", "dl", "dt", "dd", "ol", "ul", "li", "details", "summary",
    "figure", "figcaption", "table", "thead", "tbody", "tr", "th", "td", "input", "select", "option", "button",
    "output", "svg", "g", "path", "rect", "text",
}  # fmt: skip
_ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "class", "id", "href", "role", "hidden", "type", "value",
    "placeholder", "title", "open", "tabindex", "viewbox", "d", "x", "y", "width", "height", "rx", "text-anchor",
}  # fmt: skip


class _Page(HTMLParser):
    """Builds the elements of a page, and refuses what could do more than be read."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        odd = [name for name in attributes if name not in _ATTRIBUTES and not name.startswith(("data-", "aria-"))]
        if tag not in _INERT or odd or len(attributes) != len(attrs):
            raise ValueError(f"an element that is not ours: {self.get_starttag_text()!r}")
        if not re.fullmatch(r"#[a-z0-9-]+", attributes.get("href", "#a")):
            raise ValueError(f"a link that leads elsewhere: {attributes['href']!r}")
        node = Node(tag, attributes)
        self._open[-1].children.append(node)
        if tag not in _VOID:
            self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        if self._open.pop().name != tag:
            raise ValueError(f"an end of what is not open: {tag}")

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)

    def handle_comment(self, data: str) -> None:
        raise ValueError(f"a comment: {data!r}")

    def handle_pi(self, data: str) -> None:
        raise ValueError(f"an instruction: {data!r}")

    def unknown_decl(self, data: str) -> None:
        raise ValueError(f"a declaration: {data!r}")


def html_page(written: bytes) -> Node:
    """Read a page: elements that only show, text that is printable, one script, the one that the policy names."""
    text = written.decode("utf-8", "strict")
    reader = _Page()
    reader.feed(text)
    reader.close()
    page = reader.root
    head, [script], [style] = page.one("head"), page.all("script"), page.all("style")
    policy = _POLICY.fullmatch(head.having("http-equiv", "Content-Security-Policy")[0].attributes["content"])
    if policy is None or policy[1] != b64encode(sha256(script.text.encode()).digest()).decode():
        raise ValueError("the policy does not name the script that is there, and nothing else")
    if re.search(r"url\(|@import|expression", style.text) or script.attributes or style.attributes:
        raise ValueError("the style or the script reaches for something")
    for node in page.inside():
        own = node in (script, style)
        for child in node.children:
            if isinstance(child, str) and not own and not child.replace("\n", "").isprintable():
                raise ValueError(f"not printable: {child!r}")
        if not all(value.isprintable() for value in node.attributes.values()):
            raise ValueError(f"not printable: {node.attributes}")
    return page

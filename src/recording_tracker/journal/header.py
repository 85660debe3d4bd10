"""The header of a database file, by which it is told from any other file."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Final

# https://sqlite.org/fileformat.html#magic_header_string
MAGIC: Final = b"SQLite format 3\x00"


def is_database(path: str | PathLike[str]) -> bool:
    """Tell whether *path* is a file that begins as every database of SQLite does; raises OSError."""
    if not Path(path).is_file():
        return False
    with Path(path).open("rb") as stream:
        return stream.read(len(MAGIC)) == MAGIC

"""A body is read the same whichever of the two readers takes it; the corpora and mutated bodies are tried by both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_tracker.body import _read_closely, plain_object, read_object
from recording_tracker.errors import QuarantinedBodyError, RejectedBodyError

PAYLOADS = sorted((Path(__file__).parent / "payloads").rglob("*.json"))
BODIES = [json.dumps(json.loads(path.read_text(encoding="utf-8"))["body"]).encode() for path in PAYLOADS]

numbers = st.integers() | st.floats(allow_nan=False)


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.text(max_size=3) | st.sampled_from([":", '"', '":', "a", " :"]), inner, max_size=5)


values = st.recursive(st.none() | st.booleans() | numbers | st.text(), lambda inner: st.lists(inner) | objects(inner))


def outcome(raw: bytes) -> str:
    """What the closer reader says, types included."""
    try:
        return repr(_read_closely(raw))
    except (RejectedBodyError, QuarantinedBodyError) as error:
        return type(error).__name__


def agree(raw: bytes) -> bool:
    plain = plain_object(raw)
    return plain is None or repr(plain) == outcome(raw)


@given(objects(values), st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t:\r\n ")]), st.booleans())
def test_what_json_writes_is_read_alike(body: dict[str, Any], separators: tuple[str, str], ascii_only: bool) -> None:
    raw = json.dumps(body, separators=separators, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")

    assert agree(raw)


@given(st.sampled_from(BODIES), st.integers(0, 10_000), st.binary(max_size=3), st.integers(0, 3))
def test_a_damaged_body_is_read_alike(body: bytes, place: int, put: bytes, cut: int) -> None:
    place %= len(body)

    assert agree(body[:place] + put + body[place + cut :])


@given(st.text(alphabet='{}[]":,\\ \n\tu0022aeE+-.1d8', max_size=24))
def test_signs_that_mean_something_are_read_alike(text: str) -> None:
    assert agree(text.encode())
    assert agree(b'{"a":' + text.encode() + b"}")


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":2}',
        b'{"a":1,"a" :2}',
        b'{"a":1,"a"\n:2}',
        b'{"a":1,"\\u0061":2}',
        b'{"b":{"a":1,"a":2}}',
        b'{"b":[{"a":1,"a":2}]}',
        b'{"b":"\\u0022:","a":1,"a":2}',
        b'{"b":"x\\":y","a":1,"a":2}',
    ],
)
def test_a_key_given_twice_is_seen_however_it_is_spelled(raw: bytes) -> None:
    with pytest.raises(QuarantinedBodyError, match="a key twice"):
        read_object(raw)


@pytest.mark.parametrize("body", BODIES, ids=[path.stem for path in PAYLOADS])
def test_a_usual_body_is_read_by_the_quick_reader(body: bytes) -> None:
    if not isinstance(json.loads(body), dict) or b'\\":' in body:
        pytest.skip("no object, or a text in it looks like a key")

    assert plain_object(body) == json.loads(body)


@pytest.mark.parametrize("offset", range(20))
@pytest.mark.parametrize("length", [100, 101])
def test_a_number_is_as_long_wherever_it_stands(offset: int, length: int) -> None:
    raw = b'{"' + b"a" * offset + b'":' + b"1" * length + b"}"

    assert (plain_object(raw) is None) == (length == 101)
    assert agree(raw)


@pytest.mark.parametrize("brackets", [("[", "]"), ('{"a":', "}")], ids=["lists", "objects"])
@pytest.mark.parametrize("depth", [64, 65])
def test_nothing_is_nested_deeper_for_either_reader(brackets: tuple[str, str], depth: int) -> None:
    opening, closing = brackets
    raw = f'{{"a":{opening * (depth - 1)}1{closing * (depth - 1)}}}'.encode()

    assert (plain_object(raw) is None) == (depth == 65)
    assert outcome(raw) == ("RejectedBodyError" if depth == 65 else repr(plain_object(raw)))


DEEP = "[" * 65 + "]" * 65


@pytest.mark.parametrize(
    "text", ["", "x", "\\", "\\\\", '"', '\\"', '"\\', f"{DEEP}", f'"{DEEP}\\', "1" * 101, '"' + "1" * 101]
)
def test_only_what_stands_outside_of_texts_can_be_too_deep_or_too_long(text: str) -> None:
    good = json.dumps({"a": text, text: [], "b": text})

    assert read_object(good.encode()) == json.loads(good)
    for bad, reason in ((DEEP, "nested more than 64 deep"), ("1" * 101, "a number of more than 100 characters")):
        with pytest.raises(RejectedBodyError, match=reason):
            read_object(f'{good[:-1]}, "c": {bad}, "d": {json.dumps(text)}}}'.encode())

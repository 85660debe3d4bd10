"""What counts of an event that is delivered again and again, whatever the order in which its deliveries come."""

from __future__ import annotations

from hashlib import sha256
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_tracker.journal import EventRow, Variant
from recording_tracker.redelivery import adds_nothing, merge

Merged = tuple[EventRow, dict[str, Variant]]


def delivery(body: str, received_ms: int) -> EventRow:
    """Make a delivery; the letter of *body* is its content, and what follows changes on a resend."""
    raw = body.encode()
    return EventRow("e1", f"name-{body}", len(body), received_ms, "", 1, body[0], None, sha256(raw).digest(), raw, "{}")


def merged(deliveries: list[EventRow]) -> Merged:
    row, variants = deliveries[0], dict[str, Variant]()
    for other in deliveries[1:]:
        row, variants = merge(row, variants, other)
    return row, variants


def shortened(deliveries: list[EventRow]) -> Merged:
    """Join them as the intake does, which only counts what adds nothing."""
    row, variants = deliveries[0], dict[str, Variant]()
    for other in deliveries[1:]:
        if adds_nothing(row, other):
            row = row._replace(deliveries=row.deliveries + 1)
        else:
            row, variants = merge(row, variants, other)
    return row, variants


def without_count(found: Merged) -> Merged:
    return found[0]._replace(deliveries=1), found[1]


one_delivery = st.builds(delivery, st.sampled_from(["a1", "a2", "a33", "b1", "b2", "c1"]), st.integers(0, 3))
some_deliveries = st.lists(one_delivery, min_size=1, max_size=7)


@given(some_deliveries, st.data())
def test_the_order_of_deliveries_makes_no_difference(deliveries: list[EventRow], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(deliveries))

    assert merged(deliveries) == merged(shuffled)


@given(some_deliveries, st.data())
def test_repeating_deliveries_changes_only_their_count(deliveries: list[EventRow], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(deliveries), max_size=5))

    row, variants = merged([*deliveries, *again])

    assert without_count(merged(deliveries)) == (row._replace(deliveries=1), variants)
    assert len(deliveries) + len(again) == row.deliveries


@given(some_deliveries)
def test_what_adds_nothing_need_only_be_counted(deliveries: list[EventRow]) -> None:
    assert merged(deliveries) == shortened(deliveries)


@given(some_deliveries)
def test_of_every_content_the_first_delivery_is_kept(deliveries: list[EventRow]) -> None:
    row, variants = merged(deliveries)

    firsts = {
        content: min((kept.received_ms, kept.sha256) for kept in deliveries if kept.content == content)
        for content in {kept.content for kept in deliveries}
    }
    assert min(firsts.values()) == (row.received_ms, row.sha256)
    kept = {row.content: (row.received_ms, row.sha256)}
    kept |= {content: (variant.received_ms, variant.sha256) for content, variant in variants.items()}
    assert firsts == kept
    assert min((found.received_ms for found in variants.values()), default=None) == row.differs_ms


def test_an_earlier_delivery_takes_the_row_and_displaces_the_other_content() -> None:
    late, early = delivery("a1", 20), delivery("b1", 10)

    row, variants = merge(late._replace(verdict="taken"), {}, early)

    assert early._replace(verdict="taken", deliveries=2, differs_ms=20) == row
    assert {"a": Variant("a", 20, late.sha256, late.body, late.query)} == variants


def test_of_two_received_at_once_the_smaller_hash_counts() -> None:
    both = sorted((delivery("a1", 10), delivery("b1", 10)), key=lambda kept: kept.sha256)

    row, variants = merge(both[1], {}, both[0])

    assert both[0].body == row.body
    assert [both[1].body] == [variant.body for variant in variants.values()]


def test_the_same_content_received_earlier_moves_the_event_back_and_is_no_variant() -> None:
    row, variants = merge(delivery("a1", 20), {}, delivery("a2", 10))

    assert delivery("a2", 10)._replace(deliveries=2) == row
    assert {} == variants


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_content_that_comes_to_count_is_a_variant_no_more(order: tuple[int, ...]) -> None:
    deliveries = [delivery("a1", 10), delivery("b1", 20), delivery("b2", 5)]

    row, variants = merged([deliveries[number] for number in order])

    assert (b"b2", 5, 10) == (row.body, row.received_ms, row.differs_ms)
    assert [("a", 10)] == [(variant.content, variant.received_ms) for variant in variants.values()]


# Aircore takes the group from the query, which is no part of the body, its hash or its content.
def test_of_one_body_received_at_once_with_two_queries_the_same_one_counts() -> None:
    one = delivery("a1", 10)._replace(query='{"group": "g"}')
    other = delivery("a1", 10)._replace(query='{"group": "h"}')

    assert merged([one, other]) == merged([other, one])

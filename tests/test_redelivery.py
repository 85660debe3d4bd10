"""What counts of an event that is delivered again and again, whatever the order in which its deliveries come."""

from __future__ import annotations

from hashlib import sha256
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_tracker.journal import EventRow, Variant
from recording_tracker.redelivery import Delivery, adds_nothing, merge

Merged = tuple[Delivery, dict[str, Variant]]


def delivery(body: str, received_ms: int) -> Delivery:
    """Make a delivery; the letter of *body* is its content, and what follows changes on a resend."""
    raw = body.encode()
    row = EventRow("e1", f"name-{body}", len(body), received_ms, "", 1, None, sha256(raw).digest(), raw, "{}")
    return Delivery(row, content=body[0])


def counted(kept: Delivery, deliveries: int) -> Delivery:
    return kept._replace(row=kept.row._replace(deliveries=deliveries))


def merged(deliveries: list[Delivery]) -> Merged:
    kept, variants = deliveries[0], dict[str, Variant]()
    for other in deliveries[1:]:
        kept, variants = merge(kept, variants, other)
    return kept, variants


def shortened(deliveries: list[Delivery]) -> Merged:
    """Join them as the intake does, which only counts what adds nothing."""
    kept, variants = deliveries[0], dict[str, Variant]()
    for other in deliveries[1:]:
        if adds_nothing(kept, other):
            kept = counted(kept, kept.row.deliveries + 1)
        else:
            kept, variants = merge(kept, variants, other)
    return kept, variants


def without_count(found: Merged) -> Merged:
    return counted(found[0], 1), found[1]


one_delivery = st.builds(delivery, st.sampled_from(["a1", "a2", "a33", "b1", "b2", "c1"]), st.integers(0, 3))
some_deliveries = st.lists(one_delivery, min_size=1, max_size=7)


@given(some_deliveries, st.data())
def test_the_order_of_deliveries_makes_no_difference(deliveries: list[Delivery], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(deliveries))

    assert merged(deliveries) == merged(shuffled)


@given(some_deliveries, st.data())
def test_repeating_deliveries_changes_only_their_count(deliveries: list[Delivery], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(deliveries), max_size=5))

    kept, variants = merged([*deliveries, *again])

    assert without_count(merged(deliveries)) == (counted(kept, 1), variants)
    assert len(deliveries) + len(again) == kept.row.deliveries


@given(some_deliveries)
def test_what_adds_nothing_need_only_be_counted(deliveries: list[Delivery]) -> None:
    assert merged(deliveries) == shortened(deliveries)


@given(some_deliveries)
def test_of_every_content_the_first_delivery_is_kept(deliveries: list[Delivery]) -> None:
    (row, content), variants = merged(deliveries)

    firsts = {
        content: min((made.row.received_ms, made.row.sha256) for made in deliveries if made.content == content)
        for content in {made.content for made in deliveries}
    }
    assert min(firsts.values()) == (row.received_ms, row.sha256)
    kept = {content: (row.received_ms, row.sha256)}
    kept |= {content: (variant.received_ms, variant.sha256) for content, variant in variants.items()}
    assert firsts == kept
    assert min((found.received_ms for found in variants.values()), default=None) == row.differs_ms


def test_an_earlier_delivery_takes_the_row_and_displaces_the_other_content() -> None:
    late, early = delivery("a1", 20), delivery("b1", 10)

    taken = late._replace(row=late.row._replace(verdict="taken"))

    kept, variants = merge(taken, {}, early)

    assert early.row._replace(verdict="taken", deliveries=2, differs_ms=20) == kept.row
    assert {"a": Variant("a", 20, late.row.sha256, late.row.body, late.row.query)} == variants


def test_of_two_received_at_once_the_smaller_hash_counts() -> None:
    both = sorted((delivery("a1", 10), delivery("b1", 10)), key=lambda made: made.row.sha256)

    kept, variants = merge(both[1], {}, both[0])

    assert both[0].row.body == kept.row.body
    assert [both[1].row.body] == [variant.body for variant in variants.values()]


def test_the_same_content_received_earlier_moves_the_event_back_and_is_no_variant() -> None:
    kept, variants = merge(delivery("a1", 20), {}, delivery("a2", 10))

    assert counted(delivery("a2", 10), 2) == kept
    assert {} == variants


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_content_that_comes_to_count_is_a_variant_no_more(order: tuple[int, ...]) -> None:
    deliveries = [delivery("a1", 10), delivery("b1", 20), delivery("b2", 5)]

    (row, _), variants = merged([deliveries[number] for number in order])

    assert (b"b2", 5, 10) == (row.body, row.received_ms, row.differs_ms)
    assert [("a", 10)] == [(variant.content, variant.received_ms) for variant in variants.values()]


# Aircore takes the group from the query, which is no part of the body, its hash or its content.
def test_of_one_body_received_at_once_with_two_queries_the_same_one_counts() -> None:
    made = delivery("a1", 10)
    one, other = (made._replace(row=made.row._replace(query=f'{{"group": "{group}"}}')) for group in "gh")

    assert merged([one, other]) == merged([other, one])

"""Groups: what was announced by its group only, and a recording of the group in; its placeholder kept or taken out."""

from __future__ import annotations

from recording_tracker.conclusion import conclude
from recording_tracker.journal import Journal, latest
from recording_tracker.machine import Machine
from recording_tracker.standing import Standing
from recording_tracker.timeline import Timeline


def settle_group(journal: Journal, machine: Machine, group_id: str) -> tuple[int, Standing] | None:
    """
    Keep a placeholder for an announced group as long as nothing of the group has opened.

    It stands in the list of recordings, so that what never starts is seen there. Returns its number and
    where it stands; None where there is none.
    """
    found = latest(journal.expectations(machine.provider, group_id=group_id))
    if found is None:
        return None
    entry = journal.load_announced_group(machine.provider, group_id)
    if journal.group_opened(machine.provider, group_id):
        if entry is not None:
            journal.delete(entry.number)
        return None
    course = Timeline(machine).course
    course.group_id = group_id
    journal.register_machine(machine.digest, machine.provider, machine.to_json(), found.until_ms)
    standing = conclude(machine, course, None, announced_until_ms=found.until_ms)
    if entry is None:
        return journal.insert(standing, ""), standing
    journal.update(entry.number, entry.standing, standing, "")
    return entry.number, standing


def groups_to_settle(before: Standing, after: Standing) -> set[str]:
    """Return the groups whose placeholder may come or go, because a recording has opened or belongs elsewhere."""
    if (before.opened, before.group_id) == (after.opened, after.group_id):
        return set()
    return {group_id for group_id in (before.group_id, after.group_id) if group_id is not None}

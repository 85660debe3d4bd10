"""Flags: one thing wrong with one recording each."""

# Annotations are not postponed: a named tuple would compile each of them, at every start of the program.

from datetime import datetime
from typing import NamedTuple

from recording_tracker.times import from_ms, iso

ERROR, WARNING, INFO = "error", "warning", "info"

SEVERITIES = {
    "illegal-transition": ERROR,
    "conflicting-outcome": ERROR,
    "missing-event": WARNING,
    "unknown-event": WARNING,
    "payload-mismatch": WARNING,
    "provider-error": ERROR,
    "sequence-gap": INFO,
    "clock-skew": INFO,
    "stalled": ERROR,
    "missing-terminal": ERROR,
    "never-started": ERROR,
}
"""Every code, and the worst severity that it can have."""
STUCK = frozenset({"stalled", "missing-terminal", "never-started"})


class Flag(NamedTuple):
    """One thing wrong with one recording; code, region and evidence make it the same flag."""

    code: str
    severity: str
    message: str
    region: str | None
    events: tuple[str, ...]
    """The ids of the events that show it; of ``missing-event`` the names of which one should have come."""
    raised_ms: int
    """When it became true, milliseconds since 1970; of the clock's flags the deadline, past or to come."""
    acknowledged: bool = False
    note: str | None = None

    @property
    def raised_at(self) -> datetime:
        """When it became true."""
        return from_ms(self.raised_ms)

    @property
    def identity(self) -> tuple[str, str, str]:
        """Code, region and evidence: the events, or the deadline that passed."""
        evidence = str(self.raised_ms) if self.is_clocks else "\n".join(self.events)
        return (self.code, self.region or "", evidence)

    @property
    def is_clocks(self) -> bool:
        """Whether it follows from a deadline of the recording alone."""
        return self.code in STUCK

    def to_json(self) -> dict[str, object]:
        """Return it as the JSON output has it."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "region": self.region,
            "events": list(self.events),
            "raised_at": iso(self.raised_ms),
            "acknowledged": self.acknowledged,
        }

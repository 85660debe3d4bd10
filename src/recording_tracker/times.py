"""Moments and durations: text in, whole milliseconds or timedeltas out, and back."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
END_OF_TIME_MS = 253_402_300_800_000  # 10000-01-01, the first moment that datetime cannot hold
LONGEST = timedelta(days=36_525)
LATEST_MS = END_OF_TIME_MS - 2 * (LONGEST // MILLISECOND)
"""The last moment that leaves room for two of the longest durations."""

# Looser than ISO 8601 where providers are: a blank or a hyphen in place of the T, any number of
# decimals, no zone (then UTC). https://dev.bandwidth.com/docs/voice/webhooks/recordingAvailable
_MOMENT = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})"
    r"(?:[T \-](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,12}))?)?\s*(Z|[+-]\d{2}:?\d{2})?)?",
    re.ASCII | re.IGNORECASE,
)
# Compiled when they are first used: most starts of the program read no duration.
_SHORT_DURATION = r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?"
_ISO_DURATION = r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:[.,]\d+)?)S)?)?"


def moment_ms(text: str) -> int:
    """
    Read *text* as a moment, in milliseconds since 1970 UTC; without a zone it is UTC.

    Raises ValueError with what would be right.
    """
    match = _MOMENT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text[:40]!r} is no time; write it as 2026-11-01T10:00:00Z")
    year, month, day, hour, minute, second, fraction, zone = match.groups(default="")
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=UTC
        )
    except ValueError as error:
        raise ValueError(f"{text[:40]!r} is no time: {error}") from error
    return to_ms(moment) + int(fraction[:3].ljust(3, "0")) - _zone_ms(zone)


def _zone_ms(zone: str) -> int:
    if zone in ("", "Z", "z"):
        return 0
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    if hours > 23 or minutes > 59:
        raise ValueError(f"{zone!r} is no time zone; write it as Z or +01:00")
    return (-1 if zone[0] == "-" else 1) * (hours * 60 + minutes) * 60_000


def to_ms(moment: datetime) -> int:
    """Turn *moment* into milliseconds since 1970; one without a zone is UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // MILLISECOND


def from_ms(ms: int) -> datetime:
    """Turn milliseconds since 1970 into an aware UTC moment; one that datetime cannot hold is the last one it can."""
    # A deadline lies beyond the end of 9999 where the event it is counted from is dated in its last days.
    return EPOCH + min(ms, END_OF_TIME_MS - 1) * MILLISECOND


def iso(ms: int) -> str:
    """Write milliseconds since 1970 as ``2026-11-01T10:00:00.000Z``."""
    return from_ms(ms).isoformat(timespec="milliseconds")[:-6] + "Z"


def duration(text: str) -> timedelta:
    """
    Read ``90s``, ``45m``, ``12h``, ``7d``, ``1h30m`` or an ISO 8601 duration; longer than nothing, at most 100 years.

    Raises ValueError with what would be right.
    """
    found = _duration(text.strip())
    if found is None:
        raise ValueError(f"{text[:40]!r} is no duration; write it as 90s, 45m, 12h, 7d or PT1H30M")
    if not MILLISECOND <= found <= LONGEST:
        raise ValueError(f"{text[:40]!r} is no usable duration; it must be more than 0s and at most 36525d")
    return found


def _duration(text: str) -> timedelta | None:
    if len(text) > 40:
        return None
    try:
        if (match := re.fullmatch(_SHORT_DURATION, text, re.ASCII)) and text:
            days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
            return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        match = re.fullmatch(_ISO_DURATION, text, re.ASCII)
        if match and text != "P" and not text.endswith("T"):
            weeks, days, hours, minutes = (int(part or 0) for part in match.groups()[:4])
            rest = float((match.group(5) or "0").replace(",", "."))
            return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=rest)
    except OverflowError:
        return LONGEST * 2
    return None


def short(length: timedelta) -> str:
    """Write *length* with its two largest units: ``3d 4h``, ``12m 5s``, ``0s``."""
    seconds = max(0, length // timedelta(seconds=1))
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count or parts:
            parts.append(f"{count}{unit}" if count else "")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if part) or "0s"

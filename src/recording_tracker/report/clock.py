"""Clock: how a report writes moments, in UTC or in the zone of whoever reads it, and how far they are from now."""

from datetime import datetime, timedelta
from typing import NamedTuple

from recording_tracker.times import short


class Clock(NamedTuple):
    """Writes moments as seen at *now*; in the local zone, which TZ names, where *local*."""

    now: datetime
    local: bool = False

    @property
    def zone(self) -> str:
        """The name of the zone that moments without one are in."""
        return "local" if self.local else "UTC"

    def when(self, moment: datetime) -> str:
        """Write *moment* to the second, and how far from now it is."""
        return f"{self.full(moment)} ({self.away(moment)})"

    def full(self, moment: datetime) -> str:
        """Write *moment* to the second, with its zone."""
        return self._here(moment).isoformat(" ", "seconds").replace("+00:00", "Z")

    def bare(self, moment: datetime) -> str:
        """Write *moment* to the second, without its zone where that is UTC: a local zone has a summer and a winter."""
        return self.full(moment).removesuffix("Z")

    def day(self, moment: datetime) -> str:
        """Write the day of *moment*, with the zone of its times where that is not UTC."""
        here = self._here(moment)
        return f"{here:%Y-%m-%d} (UTC{here.isoformat()[-6:]})" if self.local else f"{here:%Y-%m-%d}"

    def time(self, moment: datetime) -> str:
        """Write the time of day of *moment*."""
        return f"{self._here(moment):%H:%M:%S}"

    def away(self, moment: datetime) -> str:
        """Write how far *moment* is from now."""
        since = self._since(moment)
        return f"{short(since)} ago" if since >= timedelta(0) else f"in {short(-since)}"

    def age(self, moment: datetime) -> str:
        """Write how long *moment* has been past."""
        return short(self._since(moment))

    def _since(self, moment: datetime) -> timedelta:
        # Reckoned from what is written: to the millisecond, 14:05:00 seen at 18:00:00 could be 3h 54m ago.
        return self.now.replace(microsecond=0) - moment.replace(microsecond=0)

    def _here(self, moment: datetime) -> datetime:
        return moment.astimezone() if self.local else moment


def when(moment: datetime, now: datetime) -> str:
    """Write *moment* in UTC to the second, and how far from *now* it is."""
    return Clock(now).when(moment)

"""What an audit says beside its recordings."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from recording_tracker import Tracker
from recording_tracker.report.remarks import never_sent
from tests.report.conftest import NOW

SAYS_SO = "probably the account has not subscribed to them; say so in limits.subscribed"


def test_what_has_never_come_is_not_called_unsubscribed_before_anything_has_ended(tmp_path: Path) -> None:
    body = {"event": "recording-started", "timestamp": 1793527200000, "recording": {"url": "https://r.example/1"}}
    with Tracker(tmp_path / "r.db") as tracker:
        tracker.ingest("aircore", body, received_at=NOW - timedelta(hours=8))

        early = never_sent(tracker.audit(NOW), "aircore")
        late = never_sent(tracker.audit(NOW + timedelta(days=1)), "aircore")
        uploaded = body | {"event": "recording-uploaded", "timestamp": 1793527260000}
        tracker.ingest("aircore", uploaded, received_at=NOW)
        complete = never_sent(tracker.audit(NOW), "aircore")

    what = "aircore has never sent: recording-stopped"
    assert early == (what, "no recording of it has ended yet, so they may come")
    assert late == complete == (what, SAYS_SO)

"""``python -m recording_tracker`` is ``tracker``."""

from recording_tracker.cli import main

main()

"""Faults: what the machine below does to a tracker, and what must be left of its database after."""

"""Hostile input: what strangers and broken senders could send, and what must become of it."""

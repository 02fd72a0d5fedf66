"""Watching a server: its page of counters, `exos top`, `exos metrics`, and what it tells a service manager."""

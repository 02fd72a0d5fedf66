"""Requests of clients: new, cancel, replace, mass cancel, status."""

"""Client requests: new, cancel, replace, mass cancel, status."""

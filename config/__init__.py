"""Configuration: its schema, how it is loaded, and the difference between two versions of it."""

DISTRIBUTION = "exos"  # other distributions have a package of this name: exchange_server.distribution compares

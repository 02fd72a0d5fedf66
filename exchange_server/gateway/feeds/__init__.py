"""Market data for sessions of any wire."""

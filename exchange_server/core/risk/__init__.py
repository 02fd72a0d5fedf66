"""Pre-trade checks: one condition, one code."""

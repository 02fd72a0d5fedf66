"""Matching: what a trade moves."""

"""Matching, and what a trade moves."""

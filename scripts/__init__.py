"""Helpers of the checkout: set-up, start, tests and checks. Not part of the distribution."""

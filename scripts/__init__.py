"""Helpers of the checkout: how it is set up, started, tested and kept tidy. Not part of the distribution."""

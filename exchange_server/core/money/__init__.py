"""Fees, collateral, what products reserve, transfers."""

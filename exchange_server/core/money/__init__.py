"""Ledger, fees, products, collateral, transfers."""

"""Operator requests: definitions, switches, phases, settlement; and sets, which clients split and merge."""

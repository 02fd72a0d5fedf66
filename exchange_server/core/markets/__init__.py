"""The operators' half: definitions, switches, phases, sets, settlement."""

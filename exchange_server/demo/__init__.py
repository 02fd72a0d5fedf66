"""The World Cup 2026 as a demonstration: its facts, what every market pays, and the tournament played on a server of its own."""

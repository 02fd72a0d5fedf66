"""Floor 4: logons, and the translation between sessions' messages and rows. No asyncio here."""

"""Floor 4: who is logged on, and between rows and sessions. No asyncio in here."""

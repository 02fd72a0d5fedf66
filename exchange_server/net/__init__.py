"""Floor 5: the server's only asyncio: clock, sockets, the pipeline of one turn, and what is observed of it."""

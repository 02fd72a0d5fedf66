"""Floor 5: the only use of asyncio in the server: clock, sockets, the pipeline of one turn, counters and logs."""

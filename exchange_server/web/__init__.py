"""The HTTP gateway: a process beside the server, a client of its binary sessions and of its operators' questions. The matching process knows
nothing of HTTP, and a web process that ends takes nothing with it."""

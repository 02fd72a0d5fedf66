"""The follower: a second process that replays the durable journal, compares it with the live server, and makes snapshots while it runs."""

"""Webhooks: a process beside the server that reads its event store and posts what happens to the endpoints of venues and firms (docs/webhooks.md)."""

"""Price levels and their queues."""

"""The life of an order, from its first row to the archive: ids, timers, lists."""

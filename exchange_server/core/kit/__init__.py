"""General tools without knowledge of the domain: the compiler, bits, loads, pools, tables, timers, work."""

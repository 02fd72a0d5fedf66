"""General tools that know nothing of the domain: the compiler, bits, loads, pools, names."""

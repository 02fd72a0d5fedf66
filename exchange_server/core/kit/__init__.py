"""Tools without a word of the domain: the compiler, bits, loads, pools, names."""

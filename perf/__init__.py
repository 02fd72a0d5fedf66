"""Benchmarks: `./scripts/bench [ROW...] [--json FILE]`. Each row shares its workload with the tests and checks the answer it computed."""

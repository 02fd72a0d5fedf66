"""The operator's socket."""

"""Backups of a data folder while its server runs, their restore, and the promotion of a followed copy."""

"""The archive of the journal: closed segments, packed and checked, before they leave the data folder."""

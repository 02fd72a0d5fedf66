"""A state carried into tables of other sizes, or into another version of the rules; what a folder of another version needs."""

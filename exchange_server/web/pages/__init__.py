"""The page that people trade on, served by `exos web`: its files, its routes, and whose name and colours it bears."""

"""The binary wire: sessions and their kinds."""

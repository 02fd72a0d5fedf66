"""The FIX wire: sessions and their kinds."""

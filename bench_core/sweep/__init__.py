"""Which cells there are, and one cell from start to end."""

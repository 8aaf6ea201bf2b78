"""What stands on a terminal of a given size, held as text."""

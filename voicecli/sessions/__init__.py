"""What was said, kept in a file of the user's: written while it is said, found again, resumed, exported."""

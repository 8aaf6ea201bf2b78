"""Smart Turn: end-of-turn detection."""

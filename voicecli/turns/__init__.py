"""When a turn begins, ends and is interrupted. Pure."""

"""Settings: their types and defaults, and where each value comes from."""

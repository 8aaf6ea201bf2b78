"""Read, cut and write sound files."""

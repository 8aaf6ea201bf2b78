"""Sound files: read, cut and written."""

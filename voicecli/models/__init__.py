"""Model files: the manifest, downloads and what is installed."""

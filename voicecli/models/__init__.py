"""Model files: the manifest, the files on disk, and downloads."""

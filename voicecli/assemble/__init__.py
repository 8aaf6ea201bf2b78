"""Settings -> objects: the only package that names concrete classes."""

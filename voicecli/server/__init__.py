"""The engines as servers."""

"""The text-to-speech server and its protocols."""

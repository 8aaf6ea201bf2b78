"""A voice assistant that lives in the terminal and runs on the user's own machine."""

__version__ = "0.1.0"

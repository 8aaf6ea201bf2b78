"""The history of conversations, in an SQLite file."""

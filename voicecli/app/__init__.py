"""One run of a command each: what it opens, what it does, and how it ends."""

"""Commands that are typed into a conversation: a line that begins with a slash."""

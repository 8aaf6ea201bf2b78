"""What a language model may use: a few built in, and those of MCP servers."""

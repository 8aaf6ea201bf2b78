"""Tools for the language model: built-in ones and those of MCP servers."""

"""Keep the assistant from hearing its own voice."""

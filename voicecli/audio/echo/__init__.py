"""Keep the assistant from hearing itself."""

"""Language models: back ends, the choice among them, and the fallback."""

"""English numbers, dates, units and abbreviations as words. Pure."""

"""Ask the machine. Nothing here judges, and a probe may fail in any way: `examination` fences it."""

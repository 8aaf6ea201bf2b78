"""The terminal: keys, colors, drawing and the clipboard."""

"""The terminal: modes, keys, and drawing the difference."""

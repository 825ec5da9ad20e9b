"""The terminal: modes, keys, and drawing of changed rows."""

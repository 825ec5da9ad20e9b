"""The input: buffer, layout, history."""

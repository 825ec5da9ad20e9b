"""Text as a terminal shows it: cells, rows, colors."""

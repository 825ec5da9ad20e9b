"""Pure functions that draw: state and size in, rows of styled text out."""

"""A viewer for files of any size, which may grow."""

"""A session as a whole: its folder, recovery, shutdown, and the blocking calls."""

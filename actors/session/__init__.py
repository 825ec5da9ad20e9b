"""A session as a whole: its directory, recovery, shutdown, and the blocking calls."""

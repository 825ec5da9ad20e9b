"""Writing a session down, and sending only what has been written."""

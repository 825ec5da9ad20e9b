"""The command line: verbs such as `add` and `status` for a session's host."""

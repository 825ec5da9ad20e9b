"""The rules: what a task is and what may happen to it. No threads, no files."""

"""The rules: a task and its legal changes, as pure code without threads or files."""

"""The program: options, configuration, start, signals, end."""

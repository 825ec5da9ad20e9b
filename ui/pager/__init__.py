"""Viewing a file that may grow, of any size."""

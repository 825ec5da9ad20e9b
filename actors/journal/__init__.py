"""Stores a session, and sends messages only after their changes are stored."""

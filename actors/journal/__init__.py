"""Stores a session, and sends a message only after its change is stored."""

"""Typed lines become requests; notifications become entries."""

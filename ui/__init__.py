"""The terminal chat on top of the actors."""

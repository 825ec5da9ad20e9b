"""The state of the drawn chat; no drawing, no input."""

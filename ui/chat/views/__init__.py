"""The drawn chat as rows of text: pure functions of its state."""

"""The drawn chat: its state, how messages change it, and the actor that owns it."""

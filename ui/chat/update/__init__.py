"""How input and messages change the state of the drawn chat."""

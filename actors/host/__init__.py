"""A session in a process of its own, and the clients that reach it over a socket."""

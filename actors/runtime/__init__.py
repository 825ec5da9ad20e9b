"""The runtime of actors: mailboxes, turns on shared threads, time, sending."""

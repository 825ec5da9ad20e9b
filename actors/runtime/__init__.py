"""How actors live: mailboxes, turns on shared threads, time, sending."""

"""One job: its start, input, output, pauses and end, as parts of a TaskActor."""

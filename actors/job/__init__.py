"""One job: its start, its output and its input, in parts that a TaskActor uses."""

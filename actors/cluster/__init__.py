"""Jobs on other machines: an engine in a process of its own, and agents on nodes."""

"""Child processes: starting, watching, finding and ending them."""

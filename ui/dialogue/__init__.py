"""What was typed becomes requests; notifications become entries."""

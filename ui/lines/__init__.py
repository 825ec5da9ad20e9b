"""Line mode: input and output line by line, as text or JSON."""

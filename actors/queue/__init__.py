"""The parts of the QueueActor, by topic. No threads."""

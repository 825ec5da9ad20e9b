"""The rules of the queue, in parts that the QueueActor holds. No threads."""

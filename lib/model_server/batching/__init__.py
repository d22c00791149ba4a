"""Batching as TensorFlow Serving does it: the scheduler, its queues, and the sessions that run what it forms."""

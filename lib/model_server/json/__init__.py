"""JSON as TensorFlow Serving reads and writes it, to the letter."""

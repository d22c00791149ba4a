"""What TensorFlow Serving is spoken to with: messages, flags, config files, versions, warm-up files, requests."""

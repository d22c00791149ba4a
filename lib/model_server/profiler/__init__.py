"""TensorFlow's profiler over gRPC, as TensorFlow Serving offers it."""

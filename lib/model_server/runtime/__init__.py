"""TensorFlow's own runtime: the C API, SavedModels, sessions, TFLite."""

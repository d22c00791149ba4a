"""TensorFlow Serving's server on TensorFlow's runtime: `python -m model_server FLAGS`, a process of its own."""

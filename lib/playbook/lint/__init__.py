"""Lint: what TensorFlow Serving would accept in silence and get wrong, or refuse, with the remedy."""

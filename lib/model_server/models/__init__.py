"""Which models and versions there are, in which state, by which policy."""

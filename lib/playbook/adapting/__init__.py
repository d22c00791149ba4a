"""Parts of adapt: what to change, when to dare it, how a version carries it."""

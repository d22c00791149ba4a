"""The parts of the chain: kernels that start warm, a notebook executed, its page."""

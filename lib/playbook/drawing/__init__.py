"""Drawing: every figure and page, in one style."""

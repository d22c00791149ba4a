"""Report: the page a team shares, and the index of runs."""

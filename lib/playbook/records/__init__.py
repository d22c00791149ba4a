"""Records: the one reader and the one writer of a run folder, and SQL over all of them."""

"""Parts of the store: the tables of a run folder and the views over all of them."""

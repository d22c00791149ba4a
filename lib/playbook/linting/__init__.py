"""Parts of lint: the table of rules and one reader a kind of file."""

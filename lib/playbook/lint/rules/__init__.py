"""The rules of lint: the tables, what a finding is, and the page that tells them."""

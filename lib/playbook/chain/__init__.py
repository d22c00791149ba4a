"""The chain: notebooks run in order by papermill, with progress, parameters that are checked, and an end."""

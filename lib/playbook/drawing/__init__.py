"""Parts of the report: figures for light and dark pages, and the pages themselves."""

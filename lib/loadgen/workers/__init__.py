"""Where load is made: processes of this machine, each on a core of its own, or of a Dask cluster."""

"""Monitor: a server's metrics and resources as time series, collected while something else happens."""

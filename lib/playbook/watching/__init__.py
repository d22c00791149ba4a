"""Parts of monitoring: a server's metrics and resources as time series."""

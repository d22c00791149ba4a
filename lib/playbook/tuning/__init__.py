"""Parts of tune: configurations, the simulator, the search, the servers they are measured on."""

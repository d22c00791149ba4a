"""Parts of deploy: sizing, the bundle and its checks."""

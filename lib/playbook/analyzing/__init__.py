"""Parts of analyze and compare: where the time goes, what is proven, what changed."""

"""Parts of export and warm-up: where a model comes from, what it takes, what it costs, how it is published."""

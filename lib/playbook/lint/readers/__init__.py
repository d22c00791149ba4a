"""Who reads which text (compose, Kubernetes, scripts, programs, documents), and what it starts."""

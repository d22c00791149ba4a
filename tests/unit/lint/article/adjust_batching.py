"""Adjust the batch size to the load (as an article shows it; it has no effect on a running server)."""

import requests

CONFIG = "/etc/serving/batching.config"


def adjust(batch: int) -> None:
    """Rewrite the file in place."""
    with open(CONFIG, "w") as file:
        file.write(f"max_batch_size {{ value: {batch} }}\n")


if requests.get("http://localhost:8501/monitoring/metrics", timeout=5).ok:
    adjust(256)

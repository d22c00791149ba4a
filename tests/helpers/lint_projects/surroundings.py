# ruff: noqa: E501  (tables of texts, one a line)
"""What stands around in a folder and has nothing to do with the server's faults, and the ends of lines."""

from __future__ import annotations

from lint_projects.draws import Draw

FILES = {
    "requirements.txt": "tensorflow==2.19.0\nrequests\nnumpy<2\n",
    "train.py": "import tensorflow as tf\n\nmodel = tf.keras.Sequential([tf.keras.layers.Dense(1)])\nmodel.export('models/ranker/1')\n",
    "client.py": "import requests\n\nURL = 'http://localhost:8501/v1/models/ranker:predict'\nprint(requests.post(URL, json={'instances': [[1.0]]}).json())\n",
    "package.json": '{"name": "web", "scripts": {"start": "node server.js"}, "dependencies": {"express": "^4.18.0"}}\n',
    ".gitignore": "models/\n*.pyc\n.env.local\n",
    "web/Dockerfile": "FROM node:20\nWORKDIR /app\nCOPY . .\nEXPOSE 3000\nCMD [\"node\", \"server.js\"]\n",
    "nginx.conf": "events {}\nhttp {\n  server {\n    listen 80;\n    location / { proxy_pass http://web:3000; }\n  }\n}\n",
    "LICENSE": "Permission is hereby granted, free of charge, to any person\n",
    "tests/test_client.py": "def test_prediction():\n    assert 1 + 1 == 2\n",
    "NOTES.md": "# Notes\n\nThe model server is TensorFlow Serving. Batches of 64 were best.\n",
    ".github/workflows/lint.yml": "on: push\njobs:\n  lint:\n    runs-on: ubuntu-latest\n    steps:\n    - uses: actions/checkout@v4\n    - run: ruff check .\n",
    "main.tf": 'resource "google_storage_bucket" "models" {\n  name = "models"\n  location = "EU"\n}\n',
    "src/main.go": "package main\n\nfunc main() {\n\tprintln(\"hello\")\n}\n",
}  # fmt: skip


def around(draw: Draw, texts: dict[str, str]) -> dict[str, str]:
    """The texts with harmless files beside them."""
    beside = {path: FILES[path] for path in draw.some("beside", list(FILES), 4) if path not in texts}
    return line_ends(draw, texts) | beside


def line_ends(draw: Draw, texts: dict[str, str]) -> dict[str, str]:
    """Windows' line ends, where they do no harm: YAML, text format, pages; not what a shell reads."""
    if not draw.chance("carriage returns", 0.15):
        return texts
    return {path: text.replace("\n", "\r\n") if _may_have_them(path, text) else text for path, text in texts.items()}


def _may_have_them(path: str, text: str) -> bool:
    quiet = not any(part in text for part in ("<<", "\\\n"))
    return path.endswith((".yml", ".yaml", ".config", ".md")) and quiet and ".github" not in path

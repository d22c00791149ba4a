# ruff: noqa: E501  (tables of texts, one a line)
"""grpc_max_threads below the calls that clients here make at once."""

from tables import each_row

from playbook.lint.linter import examine

RUN = "docker run -d -p 8500:8500 -v $PWD/m:/models/m -e MODEL_NAME=m tensorflow/serving:2.20.0 --grpc_max_threads={}\n"
GHZ = "ghz --insecure --call tensorflow.serving.PredictionService.Predict \\\n  {} -n 2000 localhost:8500\n"
POOL = "from tensorflow_serving.apis import prediction_service_pb2_grpc as s\nwith ThreadPoolExecutor({}) as pool:\n    pass\n"


@each_row(("threads", "name", "client", "said"), [
    (4, "bench.sh", GHZ.format("-c 64"), True),
    (4, "bench.sh", GHZ.format("--concurrency=64"), True),
    (65, "bench.sh", GHZ.format("-c 64"), False),
    (64, "bench.sh", GHZ.format("-c 64"), True),  # one thread waits for calls
    (4, "bench.sh", "# " + GHZ.format("-c 64").replace("\\\n", ""), False),
    (4, "bench.sh", "hey -c 64 http://localhost:8501/\n", False),  # REST waits, and refuses nothing
    (16, "client.py", POOL.format("max_workers=32"), True),
    (16, "client.py", POOL.format("8"), False),
    (16, "client.py", "with ThreadPoolExecutor(32) as pool:\n    pass\n", False),  # of what, is not told
])  # fmt: skip
def test_fewer_threads_than_calls_at_once_are_said_at_the_flag(threads, name, client, said, tmp_path):
    (tmp_path / "run.sh").write_text(RUN.format(threads))
    (tmp_path / name).write_text(client)
    hits = [(hit.path, hit.line) for hit in examine(tmp_path).findings if hit.rule == "grpc-threads-below-clients"]
    assert hits == ([("run.sh", 1)] if said else [])


def test_nothing_is_said_where_servers_here_differ(tmp_path):
    (tmp_path / "run.sh").write_text(RUN.format(4) + RUN.format(128).replace("8500:8500", "8600:8500"))
    (tmp_path / "bench.sh").write_text(GHZ.format("-c 64"))
    assert "grpc-threads-below-clients" not in {hit.rule for hit in examine(tmp_path).findings}

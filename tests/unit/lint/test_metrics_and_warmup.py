# ruff: noqa: E501  (tables of texts, one a line)
"""What stands around a server: a scrape by the server's own name, warm-up requests in a folder that nobody reads."""

import pytest
from tables import each_row

from playbook.lint.linter import examine

IMAGE = "tensorflow/serving:2.20.0"
COMPOSE = "services:\n  cache:\n    image: redis:7\n  ranker:\n    restart: always\n    image: {}\n    volumes: ['/data/m:/models/model']\n"
SCRAPE = "scrape_configs:\n- job_name: backend\n  static_configs:\n  - targets: ['{}']\n"


def rules(folder, files):
    for name, content in files.items():
        (folder / name).write_text(content)
    return {(hit.rule, hit.path.rpartition("/")[2], hit.line) for hit in examine(folder).findings}


STARTS = {
    "a service of compose's": {"c.yml": COMPOSE.format(IMAGE)},
    "a container by its name": {"r.sh": f"docker run -d --name ranker \\\n  -v /data/m:/models/model {IMAGE}\n"},
}


@each_row("form", STARTS)
def test_a_scrape_by_the_servers_own_name_is_held_to_where_its_metrics_are(form, tmp_path):
    found = rules(tmp_path, {**STARTS[form], "p.yml": SCRAPE.format("ranker:8500")})
    assert {("metrics-path-mismatch", "p.yml", 2), ("metrics-port-closed", "p.yml", 4)} <= found


@each_row("host", ["cache:6379", "backend:8500", "other.ranker:8500"])
def test_a_scrape_of_another_host_is_not_the_servers(host, tmp_path):
    found = rules(tmp_path, {**STARTS["a service of compose's"], "p.yml": SCRAPE.format(host)})
    assert not {each for each in found if each[0].startswith("metrics-")}


def test_a_scrape_that_asks_rest_where_the_metrics_are_is_right_where_the_server_shows_them(tmp_path):
    right = SCRAPE.format("ranker:8501") + "  metrics_path: /monitoring/prometheus/metrics\n"
    for command, found in (("[--monitoring_config_file=/models/model/m.config]", set()), ("[]", {"metrics-not-shown"})):
        shown = COMPOSE.format(IMAGE) + f"    command: {command}\n"
        said = rules(tmp_path, {"c.yml": shown, "p.yml": right})
        assert {rule for rule, *_ in said if rule.startswith("metrics-")} == found


@pytest.mark.timeout(120)
def test_a_scrape_beside_a_dashboard_of_many_lines_is_looked_up_at_once(tmp_path):
    panel = "  ranker:\n" + "    title: [1]\n \n\t\n" * 3_000  # a search that tries each way through them never ends
    files = {"c.yml": COMPOSE.format(IMAGE), "p.yml": SCRAPE.format("ranker:8500"), "board.txt": panel + IMAGE}
    assert ("metrics-port-closed", "p.yml", 4) in rules(tmp_path, files)


def test_the_health_check_of_a_workflows_service_is_read(tmp_path):
    job = "jobs:\n  t:\n    services:\n      s:\n        image: {}\n        ports: ['8501:8501']\n        options: >-\n          --health-cmd \"curl -f http://localhost:8501/v1/models/model\" --health-interval 5s\n"
    assert ("tool-not-in-image", "w.yml", 8) in rules(tmp_path, {"w.yml": job.format(IMAGE)})


def test_a_script_of_the_image_finds_the_models_name_and_folder_set(tmp_path):
    (tmp_path / "leaf").mkdir()
    (tmp_path / "leaf" / "saved_model.pb").write_bytes(b"x")
    script = "#!/bin/bash\nexec tensorflow_model_server --model_name=$MODEL_NAME --model_base_path=$MODEL_BASE_PATH/$MODEL_NAME\n"
    copied = f"FROM {IMAGE}\nCOPY leaf /models/model\nCOPY --chmod=755 start.sh /usr/bin/tf_serving_entrypoint.sh\n"
    assert ("no-version", "leaf", None) in rules(tmp_path, {"Dockerfile": copied, "start.sh": script})


NAME = "tf_serving_warmup_requests"
LOST = {
    "beside the vocabulary": f"cp {NAME} /models/m/1/assets/{NAME}\n",
    "right in the version": f"mv w.tfrecord /models/m/1/{NAME}\n",
    "with a suffix": f"cp w /models/m/1/assets.extra/{NAME}.tfrecord\n",
    "under another name": "cp w /models/m/1/assets.extra/warmup_requests\n",
}
READ = {
    "where it belongs": f"cp w /models/m/1/assets.extra/{NAME}\n",
    "a folder by a variable": f'cp w "$EXTRA/{NAME}"\n',
    "a sentence that warns": f"# not assets/{NAME}\n",
    "its name alone": f"ls {NAME}\n",
}


@each_row("form", LOST)
def test_warm_up_requests_that_a_text_puts_elsewhere_are_named(form, tmp_path):
    assert ("warmup-misplaced", "w.sh", 1) in rules(tmp_path, {"w.sh": LOST[form]})


def test_warm_up_requests_that_a_program_puts_elsewhere_are_named(tmp_path):
    code = f"import os\npath = os.path.join(export_dir, 'assets', '{NAME}')\n"
    assert ("warmup-misplaced", "w.py", 2) in rules(tmp_path, {"w.py": code})


@each_row("form", READ)
def test_warm_up_requests_that_may_be_read_are_not_blamed(form, tmp_path):
    assert "warmup-misplaced" not in {rule for rule, _, _ in rules(tmp_path, {"w.sh": READ[form]})}


@each_row(("probe", "blamed"), [("startup", False), ("readiness", False), ("liveness", True)])
def test_the_status_url_is_what_a_probe_asks_before_the_server_is_ready(probe, blamed, tmp_path):
    pod = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  containers:\n  - name: a\n    image: {IMAGE}\n    {probe}Probe: {{httpGet: {{path: /v1/models/model, port: 8501}}}}\n"
    assert ("liveness-by-code" in {rule for rule, _, _ in rules(tmp_path, {"k.yaml": pod})}) is blamed


HOSTS = {
    "a document": ("a.md", f"# S\n\n```\ndocker run -v /srv/m:/models/model {IMAGE} \\\n  --monitoring_config_file=$PWD/m.config\n```\n", 5),
    "compose": ("c.yml", f"services:\n  s:\n    image: {IMAGE}\n    volumes: ['./m:/models/model']\n    command:\n    - --monitoring_config_file=${{PWD}}/m.config\n", 6),
}  # fmt: skip


@each_row("form", HOSTS)
def test_a_folder_of_the_hosts_holds_no_file_for_a_container(form, tmp_path):
    path, text, line = HOSTS[form]
    assert ("config-file-missing", path, line) in rules(tmp_path, {path: text})

"""Rules of an image's build, of variables that only repeat, and of settings that reach no server."""

from __future__ import annotations

from lint_examples.shapes import DOCKER, RUN, compose

_NAMED = 'ENV MODEL_NAME=m\nENTRYPOINT ["tensorflow_model_server", "--model_name=m", "--model_base_path=/models/m"]\n'
_LINE = "tensorflow_model_server --model_base_path=/srv/m"

BUILDS: dict[str, dict[str, str | bytes]] = {
    "printed-not-written": {"Dockerfile": DOCKER + "RUN echo 'prometheus_config { enable: true }'\n"},
    "used-before-made": {"Dockerfile": DOCKER + "RUN echo a > /app/a\nWORKDIR /app\n"},
    "instruction-empty": {"Dockerfile": DOCKER + "CMD\n"},
    "folder-never-made": {"Dockerfile": DOCKER + "RUN echo a > /app/a\n"},
    "copy-ignored": {"Dockerfile": DOCKER + "COPY models/m /models/m\n", ".dockerignore": "models\n"},
    "copy-not-in-image": {
        "Dockerfile": "FROM ubuntu:22.04\nCOPY --from=tensorflow/serving:2.20.0 /usr/bin/python3 /usr/bin/\n"
                      f'CMD ["{_LINE}"]\n'
    },
    "cmd-taken-over": {"Dockerfile": f"{DOCKER}CMD {_LINE}\nCMD python3 app.py\n"},
    "argument-before-from": {"Dockerfile": f"ARG WHICH=m\n{DOCKER}COPY $WHICH /models/model\n"},
    "env-beside-flag": {"Dockerfile": DOCKER + _NAMED},
    "variable-quoted": {"c.yml": compose("environment: ['MODEL_NAME=\"m\"']")},
    "container-name-twice": {"r.sh": 2 * RUN.format(options="-d --name tfs -p $PORT:8501", flags="")},
    "config-file-set-aside": {
        "r.sh": f"{_LINE} # --batching_parameters_file=/srv/b.txt\n", "b.txt": "max_batch_size { value: 4 }\n"
    },
    "config-name-near": {
        "r.md": "```\ntensorflow_model_server --model_config_file=/srv/model.config\n```\n",
        "models.config": "model_config_list { config { name: 'm' base_path: '/m' model_platform: 'tensorflow' } }\n",
    },
    "config-never-given": {"r.md": f"```\nmax_batch_size {{ value: 4 }}\n```\n\n```\n{_LINE}\n```\n"},
    "metrics-not-shown": {
        "r.sh": _LINE + "\n",
        "p.yml": "scrape_configs: [{job_name: tfs, metrics_path: /monitoring/prometheus/metrics}]\n"
    },
    "per-model-misplaced": {"r.sh": f"cp b /srv/m/1/assets.extra/batching_params.pbtxt\n{_LINE}\n"},
}  # fmt: skip

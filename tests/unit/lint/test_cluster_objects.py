# ruff: noqa: E501  (a table of texts, one a line)
"""Lint knows pods that never serve, by their programs, volumes and texts, and says nothing of those that do."""

from cluster_texts import (
    ARGS,
    COMPOSE,
    DEPLOYMENT,
    EMPTY,
    FLAG,
    MISSING,
    OTHER,
    PVC,
    deployed,
    not_told_of,
    told_at_its_line,
)

# what is read -> its files, the place of the finding, its rule
FOUND = {
    "the image's script behind a shell's script": (
        deployed(
            ARGS,
            "        command: [sh, -c]\n        args: ['echo a;', '/usr/bin/tf_serving_entrypoint.sh --port=9000']\n",
        ),
        ("d.yaml", 13),
        "shell-args-split",
    ),
    "a whole ConfigMap at the place of its file": (
        deployed(
            ARGS
            + "        volumeMounts: [{name: models, mountPath: /models}]\n      volumes: [{name: models, "
            + PVC
            + "}]\n",
            ARGS.replace('"]', '", --monitoring_config_file=/m.txt]')
            + "        volumeMounts: [{name: models, mountPath: /models}, {name: m, mountPath: /m.txt}]\n"
            "      volumes: [{name: models, " + PVC + "}, {name: m, configMap: {name: m}}]\n",
        ),
        ("d.yaml", 12),
        "config-file-missing",
    ),
    "a job's volume that nobody fills": (
        {
            "j.yaml": "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: j}\nspec:\n  schedule: '@daily'\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          containers:\n"
            "          - {name: a, image: a}\n          - {name: s, image: 'tensorflow/serving:2.20.0', volumeMounts: [{name: m, mountPath: /models}]}\n          volumes: [{name: m, emptyDir: {}}]\n"
        },
        ("j.yaml", 12),
        MISSING,
    ),
    "flags as the command": (deployed("        args", "        command"), ("d.yaml", 12), FLAG),
    "flags as the entrypoint of a service": (
        {"compose.yaml": COMPOSE + "    entrypoint: [--model_base_path=/models/model]\n"},
        ("compose.yaml", 5),
        FLAG,
    ),
    "flags as ENTRYPOINT": (
        {"Dockerfile": 'FROM tensorflow/serving:2.20.0\nCOPY m /models/m\nENTRYPOINT ["--model_name=m"]\n'},
        ("Dockerfile", 3),
        FLAG,
    ),
    "TensorFlow's image for the server's": (
        deployed(
            "image: tensorflow/serving:2.20.0\n" + ARGS,
            "image: tensorflow/tensorflow:2.15.0\n        ports: [{containerPort: 8501}]\n",
        ),
        ("d.yaml", 11),
        OTHER,
    ),
    "a volume that nobody fills": (deployed(PVC, EMPTY), ("d.yaml", 12), MISSING),
    "a file in a volume that nobody fills": (
        deployed(PVC, EMPTY)["d.yaml"]
        and {
            "d.yaml": DEPLOYMENT.replace(PVC, EMPTY).replace(
                ARGS, "        args: [--model_config_file=/models/m.config]\n"
            )
        },
        ("d.yaml", 12),
        "config-file-missing",
    ),
    "brackets that a program would have filled in": (
        {
            "c.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  m.txt: |\n    prometheus_config: {{\n      enable: true\n    }}\n"
        },
        ("c.yaml", 6),
        "config-file-broken",
    ),
    "the folder of all models, as another server on the claim tells": (
        deployed("=/models/scores", "=/models")
        | {
            "e.yaml": DEPLOYMENT.replace("scores", "ranks").replace(
                "--model_base_path=/models/ranks", "--model_base_path=/models/ranks"
            )
        },
        ("d.yaml", 12),
        "no-version",
    ),
    "an image of a company's own, called by the server's name": (
        deployed(
            "image: tensorflow/serving:2.20.0\n" + ARGS,
            "image: registry.example.com/a/scores-tfserving:1\n        resources: {requests: {nvidia.com/gpu: 1}}\n",
        ),
        ("d.yaml", 12),
        "gpu-requests",
    ),
}
RIGHT = {
    "models of two servers on one claim": deployed("scores\"]", "scores\"]") | {"e.yaml": DEPLOYMENT.replace("scores", "ranks")},
    "another program with the server's name in its own": deployed(
        "image: tensorflow/serving:2.20.0\n" + ARGS, "image: registry.example.com/a/tf-serving-proxy:1\n        resources: {requests: {nvidia.com/gpu: 1}}\n"
    ),
    "arguments that a shell's script hands on": deployed(
        ARGS, "        command: [sh, -c]\n        args: ['exec tensorflow_model_server --model_base_path=/models/scores \"$@\"', sh, --port=9000]\n"
    ),
    "one file of a ConfigMap at its place": deployed(
        "volumeMounts: [{name: models, mountPath: /models}]", "volumeMounts: [{name: models, mountPath: /models}, {name: models, subPath: m, mountPath: /m.txt}]"
    ),
    "a volume that an init container fills": {"d.yaml": DEPLOYMENT.replace(PVC, EMPTY).replace("      containers:", "      initContainers:\n      - {name: f, image: a, command: [fetch], volumeMounts: [{name: models, mountPath: /m}]}\n      containers:")},
    "a volume that somebody fills by hand": {"README.md": "```yaml\n" + DEPLOYMENT.replace(PVC, EMPTY) + "```\n```\nkubectl cp ./scores scores-0:/models\n```\n", "d.yaml": "# kubectl cp ./scores POD:/models\n" + DEPLOYMENT.replace(PVC, EMPTY)},
    "a template's brackets": {"Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n", "values.yaml": "path: /m\n", "templates/c.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  m.txt: |\n    prometheus_config { enable: true path: \"{{ .Values.path }}\" }\n"},
}  # fmt: skip


test_what_is_wrong_is_told_at_its_line = told_at_its_line(FOUND)
test_what_is_right_is_not_told_of = not_told_of(RIGHT)

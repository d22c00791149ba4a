# ruff: noqa: E501  (tables of files)
"""An image that is built here under a name of its own is what its Dockerfile and the text that runs it make of it."""

from tables import each_row

from playbook.lint.linter import examine

IMAGE = "tensorflow/serving:2.20.0"
PORT, PROBE = "port-nobody-listens", "probe-wrong-port"
# REST's port is set in the image, so what publishes or probes 8501 is wrong wherever the image is run
DOCKERFILE = f'FROM {IMAGE}\nENV MODEL_NAME=ranker\nCOPY ranker /models/ranker\nCMD ["--rest_api_port=9000"]\n'
LISTED = f'FROM {IMAGE}\nCMD ["--model_config_file=/config/models.config"]\n'
CONFIG = 'model_config_list { config { name: "a" base_path: "/models/a" model_platform: "tensorflow" } }\n'
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: s\n    image: %s\n    readinessProbe: {tcpSocket: {port: %s}}\n"
BUILD = "docker build -t ranker:1 .\n"
# who builds and who runs -> the files beside the Dockerfile, the place and rule of the finding
WRONG = {
    "a script": ({"Dockerfile": DOCKERFILE, "run.sh": f"{BUILD}docker run -p 8501:8501 ranker:1\n"}, ("run.sh", 2, PORT)),
    "names in variables": ({"Dockerfile": DOCKERFILE, "run.sh": "N=ranker T=1\ndocker build --no-cache -t me/$N:$T .\ndocker run -p 8501:8501 me/$N:$T\n"}, ("run.sh", 3, PORT)),
    "podman and another folder": ({"a/b.Dockerfile": DOCKERFILE, "run.sh": "podman build -f a/b.Dockerfile -t ranker a\npodman run -p 8501:8501 localhost/ranker\n"}, ("run.sh", 2, PORT)),
    "a folder that the script is in": ({"a/Dockerfile": DOCKERFILE, "run.sh": f"cd a && {BUILD}docker run -p 8501:8501 ranker:1\n"}, ("run.sh", 2, PORT)),
    "a stage": ({"Dockerfile": DOCKERFILE.replace("2.20.0", "2.20.0 AS live") + "FROM python:3\n", "run.sh": "docker build --target live -t ranker .\ndocker run -p 8501:8501 ranker\n"}, ("run.sh", 2, PORT)),
    "another name by docker tag": ({"Dockerfile": DOCKERFILE, "push.sh": f"{BUILD}docker tag ranker:1 gcr.io/p/live:2\ndocker push gcr.io/p/live:2\n", "p.yaml": POD % ("gcr.io/p/live:2", 8501)}, ("p.yaml", 8, PROBE)),
    "a registry in front": ({"Dockerfile": DOCKERFILE, "build.sh": BUILD, "p.yaml": POD % ("reg.example.com/team/ranker:7", 8501)}, ("p.yaml", 8, PROBE)),
    "a Makefile": ({"Dockerfile": DOCKERFILE, "Makefile": "IMG ?= me/ranker\nTAG := 3\nbuild:\n\tdocker build -t $(IMG):$(TAG) .\nrun:\n\tdocker run -p 8501:8501 $(IMG):$(TAG)\n"}, ("Makefile", 6, PORT)),
    "compose, two services": ({"Dockerfile": DOCKERFILE, "c.yaml": "services:\n  a:\n    build: .\n    image: ranker:dev\n  b:\n    image: ranker:dev\n    ports: ['8501:8501']\n"}, ("c.yaml", 7, PORT)),
    "a pipeline": ({"a/Dockerfile": DOCKERFILE, ".gitlab-ci.yml": "build:\n  script:\n  - docker build -t $CI_REGISTRY_IMAGE/ranker:latest a\n  - docker run -d -p 8501:8501 $CI_REGISTRY_IMAGE/ranker:latest\n"}, (".gitlab-ci.yml", 4, PORT)),
    "a workflow's action": ({"Dockerfile": DOCKERFILE, "w.yml": "jobs:\n  b:\n    steps:\n    - uses: docker/build-push-action@v5\n      with: {context: ., tags: 'ghcr.io/me/ranker:v1'}\n", "p.yaml": POD % ("ghcr.io/me/ranker:v1", 8501)}, ("p.yaml", 8, PROBE)),
    "skaffold": ({"a/Dockerfile": DOCKERFILE, "skaffold.yaml": "apiVersion: skaffold/v4beta6\nkind: Config\nbuild: {artifacts: [{image: ranker, context: a}]}\n", "p.yaml": POD % ("ranker", 8501)}, ("p.yaml", 8, PROBE)),
    "a builder in a cluster": ({"Dockerfile": DOCKERFILE, "k.yaml": "args: ['--dockerfile=Dockerfile', '--context=.', '--destination=reg/ranker:1']\n", "p.yaml": POD % ("reg/ranker:1", 8501)}, ("p.yaml", 8, PROBE)),
    "Tilt": ({"Dockerfile": DOCKERFILE, "Tiltfile": "docker_build('ranker', '.')\n", "p.yaml": POD % ("ranker", 8501)}, ("p.yaml", 8, PROBE)),
    "a bake file": ({"Dockerfile": DOCKERFILE, "docker-bake.hcl": 'target "r" {\n  context = "."\n  tags = ["ranker:1"]\n}\n', "p.yaml": POD % ("ranker:1", 8501)}, ("p.yaml", 8, PROBE)),
    "two blocks of a document": ({"Dockerfile": DOCKERFILE, "README.md": "```sh\ndocker build -t ranker .\n```\nThen\n```sh\n$ docker run -p 8501:8501 ranker\n```\n"}, ("README.md", 6, PORT)),
    "the docker SDK": ({"Dockerfile": DOCKERFILE, "x.py": "import docker\nc = docker.from_env()\nc.images.build(path='.', tag='ranker')\nc.containers.run('ranker', ports={'8501/tcp': 8501})\n"}, ("x.py", 4, PORT)),
    "lists of Python": ({"Dockerfile": DOCKERFILE, "x.py": "import subprocess\nsubprocess.run(['docker', 'build', '-t', 'ranker', '.'])\nsubprocess.run(['docker', 'run', '-p', '8501:8501', 'ranker'])\n"}, ("x.py", 3, PORT)),
    "kubectl run": ({"Dockerfile": DOCKERFILE, "run.sh": f"{BUILD}kubectl run r --image=ranker:1 -- --rest_api_num_threads=1\n"}, ("run.sh", 2, "rest-threads-one")),
    "flags of the run": ({"Dockerfile": DOCKERFILE, "run.sh": f"{BUILD}docker run ranker:1 --enable_batchin\n"}, ("run.sh", 2, "unknown-flag")),
    "a name of the run's own": ({"Dockerfile": DOCKERFILE, "run.sh": f"{BUILD}docker run -e MODEL_NAME=other ranker:1\n"}, ("run.sh", 2, "base-path-missing")),
    "a config that nobody brings": ({"Dockerfile": LISTED, "run.sh": f"{BUILD}docker run ranker:1\n"}, ("run.sh", 2, "config-file-missing")),
    "a config that the run mounts": ({"Dockerfile": LISTED, "run.sh": f"{BUILD}docker run -v $PWD/config:/config -v /m:/models ranker:1\n", "config/models.config": CONFIG.replace("base_path", "base_pat")}, ("config/models.config", 1, "config-unknown-field")),
    "what the image's own script is handed": ({"Dockerfile": f'FROM {IMAGE}\nCOPY m /models/m\nCOPY start.sh /start.sh\nENTRYPOINT ["/start.sh"]\n', "start.sh": '#!/bin/bash\ntensorflow_model_server --rest_api_port=8501 --model_base_path=/models/m "$@"\n', "run.sh": f"{BUILD}docker run -p 9000:9000 ranker:1 --enable_batchin\n"}, ("run.sh", 2, PORT)),
}  # fmt: skip


def examined(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return examine(folder)


@each_row("who", WRONG)
def test_an_image_of_a_name_of_its_own_is_followed(who, tmp_path):
    files, expected = WRONG[who]
    hits = examined(tmp_path, files).findings
    assert expected in {(hit.path, hit.line, hit.rule) for hit in hits}


# what is right, or nobody can know -> the files
RIGHT = {
    "a user that the image names": {"Dockerfile": DOCKERFILE + "USER 1000\n", "build.sh": BUILD, "p.yaml": POD % ("ranker:1", 9000) + "    securityContext: {runAsNonRoot: true}\n"},
    "the port of the image": {"Dockerfile": DOCKERFILE, "run.sh": f"{BUILD}docker run -p 9000:9000 ranker:1\n", "p.yaml": POD % ("ranker:1", 9000)},
    "a port that the run sets": {"Dockerfile": DOCKERFILE, "run.sh": f"{BUILD}docker run -p 8501:8501 ranker:1 --rest_api_port=8501\n"},
    "a config that the run mounts": {"Dockerfile": LISTED, "run.sh": f"{BUILD}docker run -v $PWD/config:/config -v /m:/models ranker:1\n", "config/models.config": CONFIG},
    "two Dockerfiles of one name": {"a/Dockerfile": DOCKERFILE, "b/Dockerfile": DOCKERFILE.replace("9000", "8501"), "build.sh": "docker build -t ranker a\ndocker build -t ranker b\n", "p.yaml": POD % ("ranker", 8501)},
    "another image": {"Dockerfile": DOCKERFILE, "build.sh": BUILD, "p.yaml": POD % ("reg/other:1", 8501)},
    "an image that serves nothing": {"Dockerfile": "FROM python:3\nCMD app\n", "run.sh": f"{BUILD}docker run -p 8501:8501 ranker:1\n", "p.yaml": POD % ("ranker:1", 8501)},
    "the official name, built here": {"Dockerfile": DOCKERFILE, "build.sh": "docker build -t tensorflow/serving:mine .\n", "run.sh": f"docker run -p 8501:8501 -v /m:/models/m -e MODEL_NAME=m {IMAGE}\n"},
    "a script's flag that the run gives anew": {"Dockerfile": f'FROM {IMAGE}\nCOPY m /models/m\nCOPY start.sh /start.sh\nENTRYPOINT ["/start.sh"]\n', "start.sh": '#!/bin/bash\ntensorflow_model_server --rest_api_port=8501 --model_name=m --model_base_path=/models/m "$@"\n', "run.sh": f"{BUILD}docker run -p 9000:9000 ranker:1 --rest_api_port=9000\n"},
}  # fmt: skip


@each_row("what", RIGHT)
def test_an_image_of_a_name_of_its_own_is_not_blamed(what, tmp_path):
    usual = {"monitoring-missing", "no-drain", "no-probe", "image-not-pinned"}
    hits = examined(tmp_path, RIGHT[what]).findings
    assert [(hit.path, hit.line, hit.rule) for hit in hits if hit.rule not in usual] == []


def test_a_fault_of_the_dockerfile_is_told_there_once(tmp_path):
    files = {
        "Dockerfile": DOCKERFILE.replace("rest_api_port=9000", "rest_api_num_threads=1"),
        "run.sh": f"{BUILD}docker run ranker:1\n",
        "p.yaml": POD % ("ranker:1", 8501),
    }
    hits = examined(tmp_path, files).findings
    assert [(hit.path, hit.line) for hit in hits if hit.rule == "rest-threads-one"] == [("Dockerfile", 4)]


def test_a_text_that_only_builds_counts_as_read(tmp_path):
    report = examined(tmp_path, {"Dockerfile": DOCKERFILE, "build.sh": BUILD})
    assert {"Dockerfile", "build.sh"} <= {*report.files}

# ruff: noqa: E501  (tables of texts, one a line)
"""What Docker, compose, make, Python and the server take otherwise than its writer meant, and what only looks like it."""

from tables import each_row

from playbook.lint.linter import examine

IMAGE = "tensorflow/serving:2.20.0"
FROM = f"FROM {IMAGE}\n"
COPY = "COPY m /models/model/1\n"
RUN = f"docker run -p 8501:8501 -v /m:/models/m -e MODEL_NAME=m {IMAGE}"
SERVICE = f"services:\n  s:\n    image: {IMAGE}\n    volumes: ['/m:/models/model']\n"
DOCKERFILE = (
    f'{FROM}COPY m /models/m/1\nCMD ["--rest_api_port=9000", "--model_name=m", "--model_base_path=/models/m"]\n'
)
PAGE = "```dockerfile\n%s```\n\n```sh\ndocker build -t ranker .\n%s```\n"


def said(folder, name, content):
    """Rules and lines of what is said of one text."""
    (folder / name).write_text(content)
    return {(hit.rule, hit.line) for hit in examine(folder).findings}


# what is wrong -> the file, its text, the rule, the line
WRONG = {
    "a comment behind FROM": ("Dockerfile", f"FROM {IMAGE} # CPU\n{COPY}", "comment-in-instruction", 1),
    "a comment behind COPY": ("Dockerfile", f"{FROM}COPY m /models/model/1 # the model\n", "comment-in-instruction", 2),
    "a comment behind a value of ENV": ("Dockerfile", f"{FROM}{COPY}ENV MODEL_NAME=model # its name\n", "comment-in-instruction", 3),
    "a comment in the name of a model": ("Dockerfile", f"{FROM}{COPY}ENV MODEL_NAME model # its name\n", "comment-in-instruction", 3),
    "a comment behind WORKDIR": ("Dockerfile", f"{FROM}WORKDIR /models # here\n{COPY}", "comment-in-instruction", 2),
    "a comment in a document's Dockerfile": ("a.md", f"```dockerfile\n{FROM}{COPY}USER app # no root\n```\n", "comment-in-instruction", 4),
    "a flag for a key": ("compose.yaml", SERVICE + "    model_config_file_poll_wait_seconds: 60\n", "compose-refused", 5),
    "a key of Kubernetes'": ("compose.yaml", SERVICE + "    args: ['--enable_batching']\n", "compose-refused", 5),
    "a key misspelt": ("compose.yaml", SERVICE + "    enviroment: ['A=1']\n", "compose-refused", 5),
    "services in a ring": ("compose.yaml", SERVICE + "    depends_on: [a]\n  a:\n    image: nginx:1.27\n    depends_on: {b: {condition: service_started}}\n  b:\n    image: nginx:1.27\n    depends_on: [s]\n", "compose-refused", 5),
    "a service behind itself": ("compose.yaml", SERVICE + "    depends_on: [s]\n", "compose-refused", 5),
    "a variable of make's without brackets": ("Makefile", f"NAME=m\nrun:\n\t{RUN} --model_name=$NAME\n", "make-not-shell", 3),
    "a variable of the shell's with one dollar": ("Makefile", f"run:\n\t{RUN.replace('/m:', '$HOME/m:')}\n", "make-not-shell", 2),
    "a command's answer with one dollar": ("Makefile", f"run:\n\t{RUN.replace('/m:', '$(pwd)/m:')}\n", "make-not-shell", 2),
    "one file for two flags": ("run.sh", f"{RUN} --enable_batching --batching_parameters_file=/models/m/c --monitoring_config_file=/models/m/c\n", "file-for-two", 1),
    "a module of Python's that is none": ("run.sh", "python3 -m tensorflow_model_server --rest_api_port=8501 --model_base_path=/m\n", "no-module", 1),
    "blanks around a variable's equals sign": ("run.sh", RUN.replace("NAME=m", "NAME = m"), "docker-run-without-image", 1),
    "a mount of a folder without its type": ("run.sh", RUN.replace("-v /m:/models/m", "--mount source=/m,target=/models/m"), "mount-not-bind", 1),
    "a model's files without a version in an image": ("Dockerfile", f"{FROM}COPY m/saved_model.pb /models/m/\nENV MODEL_NAME=m\n", "no-version", 1),
    "flags behind the image's own script": ("Dockerfile", f'{FROM}{COPY}ENTRYPOINT ["/usr/bin/tf_serving_entrypoint.sh", "--enable_batchin"]\n', "unknown-flag", 3),
    "a file for a folder": ("run.sh", "tensorflow_model_server --rest_api_port=8501 --model_base_path=/m/1/saved_model.pb\n", "base-path-is-file", 1),
    "Keras' file for a folder": ("run.sh", "tensorflow_model_server --rest_api_port=8501 --model_base_path=/m/net.h5\n", "base-path-is-file", 1),
    "an image that the document builds": ("a.md", PAGE % (DOCKERFILE, "docker run -p 8501:8501 ranker\n"), "port-nobody-listens", 9),
    "one that is shown behind": ("a.md", f"```sh\ndocker build -t ranker .\ndocker run -p 8501:8501 ranker\n```\n\n```dockerfile\n{DOCKERFILE}```\n", "port-nobody-listens", 3),
    "docker's options behind such an image": ("a.md", PAGE % (f"{FROM}COPY m /models/model/1\n", "docker run ranker -p 8501:8501\n"), "unknown-flag", 8),
    "a Dockerfile whose fence was lost": ("a.md", f"Its image:\n\n    dockerfile\n    # ours\n    {FROM}\n    EXPOSE 8501 # REST\n", "expose-not-a-port", 7),
    "a mount without a value, on its line": ("run.sh", RUN.replace("-v /m:/models/m", "-v"), "docker-run-without-image", 1),
    "a mount whose value is lost with its line": ("run.sh", f"docker run -p 8501:8501 --mount\n/m:/models/m -e MODEL_NAME=m {IMAGE}\n", "docker-run-without-image", 1),
    "a port without a value": ("a.md", f"```\n{RUN.replace('-p 8501:8501', '-p')}\n```\n", "docker-run-without-image", 2),
    "TensorFlow's image in docker run": ("run.sh", "docker run -p 8501:8501 -v /m:/models/m -e MODEL_NAME=m -t tensorflow/tensorflow:2.16.1\n", "image-without-server", 1),
    "TensorFlow's image with the server's flags": ("run.sh", "docker run -v /m:/m tensorflow/tensorflow tensorflow_model_server --model_base_path=/m\n", "image-without-server", 1),
    "TensorFlow's image in compose": ("compose.yaml", SERVICE.replace(IMAGE, "tensorflow/tensorflow:latest") + "    environment: [MODEL_NAME=model]\n", "image-without-server", 3),
    "TensorFlow's image in compose, by its ports": ("compose.yaml", SERVICE.replace(IMAGE, "tensorflow/tensorflow") + "    ports: ['8501:8501']\n", "image-without-server", 3),
    "a blank behind docker cp's backslash": ("a.md", f"```sh\ndocker run -d --name base {IMAGE}\ndocker cp m \\ \n  base:/models/m\n```\n", "line-not-continued", 4),
    "a flag of docker run's in a sentence": ("a.md", f"I use {IMAGE}.\n\nI add docker run --per_process_gpu_memory_fraction=0.4, and it fails.\n", "flag-before-image", 3),
    "a line of cmd.exe's in prose": ("a.md", f"I ran\n\nC:\\me>docker run -p 8501:9999^\n -v C:\\m:/models/m^\n -e MODEL_NAME=m {IMAGE}\n", "port-nobody-listens", 3),
    "a line of cmd.exe's in a sentence": ("a.md", f"I ran `C:\\me> docker run -p 8501:9999 -v C:\\m:/models/m -e MODEL_NAME=m {IMAGE}`.\n", "port-nobody-listens", 1),
    "a command in a table with its line ends": ("a.md", f"| a |\n|---|\n| ```bash\\\\n{RUN.replace('8501:8501', '9:9')}\\\\n``` |\n", "port-nobody-listens", 3),
    "a --mount in parts": ("run.sh", RUN.replace("-v /m:/models/m", "--mount type=bind, source=/m, target=/models/m"), "mount-without-source", 1),
    "one port for two, and another published": ("run.sh", f"{RUN} --port=9000 --rest_api_port=9000\n", "port-nobody-listens", 1),
    "nvidia-docker with the image for CPUs": ("run.sh", "nvidia-" + RUN, "gpu-image-missing", 1),
    "the image's script as its own argument": ("Dockerfile", f"{FROM}{COPY}RUN echo 'tensorflow_model_server --rest_api_port=8501 --model_base_path=/models/model \"$@\"' > /usr/bin/tf_serving_entrypoint.sh\nCMD [\"/usr/bin/tf_serving_entrypoint.sh\"]\n", "cmd-over-entrypoint", 4),
    "a service behind a container's name": ("a.md", "```yaml\n" + SERVICE + "    container_name: ranker\n  w:\n    image: nginx:1.27\n    depends_on: [ranker]\n```\n", "compose-refused", 9),
    "a service behind one that is not there": ("compose.yaml", SERVICE + "    depends_on: [cache]\n", "compose-refused", 5),
    "a blank between a mount's ends": ("run.sh", RUN.replace("/m:/models/m", "/srv/m /models/m"), "docker-run-without-image", 1),
    "a blank behind a mount's colon": ("a.md", "`" + RUN.replace("/m:/models/m", '"$(pwd)/m": /models/m') + "`\n", "docker-run-without-image", 1),
    "a blank behind a port's colon": ("run.sh", RUN.replace("8501:8501", "8501: 8501"), "docker-run-without-image", 1),
    "a variable as a mapping in a list": ("compose.yaml", SERVICE + "    environment:\n      - MODEL_NAME: model\n", "compose-refused", 6),
    "a mount in the long form without a type": ("a.md", "```yaml\n" + SERVICE.replace("['/m:/models/model']", "[{source: ./m, target: /models/model}]") + "```\n", "compose-refused", 5),
    "a volume that nothing declares": ("compose.yaml", SERVICE.replace("/m:", "nets:"), "compose-refused", 4),
    "lines that HTML breaks": ("a.md", f"Run<br>\ndocker run -p 8501:8501 \\<br>\n-v /m:/models/n \\<br/>\n-e MODEL_NAME=m {IMAGE}<br />\n", "base-path-missing", 4),
    "a committed image without its model": ("run.sh", f"docker run -d --name base {IMAGE}\ndocker cp m base:/models/n\ndocker commit --change 'ENV MODEL_NAME m' base mine\ndocker run -p 8501:8501 mine\n", "base-path-missing", 4),
    "a committed image whose name nothing sets": ("a.md", f"```sh\ndocker run -d --name base {IMAGE}\ndocker cp ./nets/n base:/models\n```\nThen\n```sh\ndocker commit base mine:1\ndocker run -p 8501:8501 -t mine:1\n```\n", "base-path-missing", 8),
    "a flag of a committed image": ("run.sh", f"docker run -d --name base {IMAGE}\ndocker cp m base:/models/m\ndocker commit -c 'ENV MODEL_NAME=m' base mine\ndocker run -p 8501:8501 mine --enable_batchin\n", "unknown-flag", 4),
    "a closed port of a committed image": ("run.sh", f"sudo docker run -d --name base {IMAGE}\nsudo docker cp m base:/models/m\nsudo docker commit -m x -c 'ENV MODEL_NAME=m' base mine\nsudo docker run -p 9000:9000 mine\n", "port-nobody-listens", 4),
    "an argument of the build at the start": ("Dockerfile", "FROM ubuntu:24.04\nARG NAME=m\nCOPY m /models/m/1\nENTRYPOINT tensorflow_model_server --rest_api_port=8501 --model_base_path=/models/${NAME}\n", "argument-of-build", 2),
    "an argument of the build in a script": ("Dockerfile", "FROM ubuntu:24.04\nARG NAME\nCOPY m /models/m/1\nRUN echo '#!/bin/bash\\ntensorflow_model_server --rest_api_port=8501 --model_base_path=/models/$NAME' > /go.sh\nENTRYPOINT [\"/go.sh\"]\n", "argument-of-build", 2),
    "nginx in a document": ("a.md", "```nginx\nupstream tf_serving {\n  server 10.0.0.1:8500;\n}\nlocation / { proxy_pass http://tf_serving; }\n```\n\n```sh\n" + RUN + "\n```\n", "proxied-wrong-protocol", 5),
    "nginx to a service of a document": ("a.md", "```yaml\n" + SERVICE + "```\n\n```\nlocation / { proxy_pass http://s:8500; }\n```\n", "proxied-wrong-protocol", 9),
    "nginx to servers elsewhere": ("nginx.conf", "upstream tensorflow_servers {\n  server 10.0.0.1:8500;\n}\nserver {\n  location / { proxy_pass http://tensorflow_servers; }\n}\n", "proxied-wrong-protocol", 5),
    "a manifest whose fence was lost": ("a.md", "Compose:\n\nyaml\n" + SERVICE.replace("  s:", "  s: # it") + "    command: --enable_batchin\n", "unknown-flag", 8),
}  # fmt: skip
# what only looks wrong -> the file, its text, the rule that must keep silent
RIGHT = {
    "a comment on its own line": ("Dockerfile", f"# FROM\n{FROM}{COPY}  # indented\nENV A=1 \\\n  # between\n  B=2\n", "comment-in-instruction"),
    "a mark in a value": ("Dockerfile", f'{FROM}{COPY}ENV A="a # b" B=x#y\nLABEL c="# d"\n', "comment-in-instruction"),
    "a comment behind RUN": ("Dockerfile", f"{FROM}{COPY}RUN echo 1 # ran by a shell\n", "comment-in-instruction"),
    "a mark in a file that COPY writes": ("Dockerfile", f"{FROM}{COPY}COPY <<EOF /c\nmax_batch_size {{ value: 8 }} # rows\nEOF\n", "comment-in-instruction"),
    "a mark in a variable nobody's server reads": ("Dockerfile", f"{FROM}{COPY}ENV GREETING hello # world\n", "comment-in-instruction"),
    "keys of one's own": ("compose.yaml", "x-any: &a {restart: always}\n" + SERVICE + "    x-note: 1\n    <<: *a\n", "compose-refused"),
    "keys of an older format": ("compose.yaml", SERVICE + "    mem_limit: 4g\n    cpu_shares: 5\n    runtime: nvidia\n    net: host\n", "compose-refused"),
    "keys of another tool's services": ("stack.yaml", "deploy: [make]\n" + SERVICE + "    replicas: 2\n", "compose-refused"),
    "keys that a template puts there": ("compose.yaml", SERVICE + "    ${MORE}: 1\n", "compose-refused"),
    "two that wait for one": ("compose.yaml", SERVICE + "    depends_on: [a, b]\n  a:\n    image: nginx:1.27\n    depends_on: [b]\n  b: {image: 'nginx:1.27'}\n", "compose-refused"),
    "a shell's variable with two dollars": ("Makefile", f"run:\n\t{RUN.replace('/m:', '$$HOME/m:')}\n", "make-not-shell"),
    "variables of make's": ("Makefile", f"D = /m\nrun:\n\t{RUN.replace('/m:', '$(D):')} --model_name=$@ --x $D\n", "make-not-shell"),
    "make's own folder": ("Makefile", f"run:\n\t{RUN.replace('/m:', '$(CURDIR)/m:')}\n", "make-not-shell"),
    "a variable called pwd": ("Makefile", f"pwd := $(shell pwd)\nrun:\n\t{RUN.replace('/m:', '$(pwd)/m:')}\n", "make-not-shell"),
    "a recipe without the server": ("Makefile", "run:\n\techo $HOME\n", "make-not-shell"),
    "two files for two flags": ("run.sh", f"{RUN} --enable_batching --batching_parameters_file=/models/b --monitoring_config_file=/models/m\n", "file-for-two"),
    "no file for two flags": ("run.sh", f"{RUN} --ssl_config_file= --monitoring_config_file=\n", "file-for-two"),
    "Python that runs a script": ("run.sh", "python3 serve.py -m tensorflow_model_serverless\n", "no-module"),
    "a model's folder with a dot": ("run.sh", "tensorflow_model_server --rest_api_port=8501 --model_base_path=/models/net.v2\n", "base-path-is-file"),
    "an image that another document builds": ("a.md", "```sh\ndocker run -p 9000:9000 ranker\n```\n\n```dockerfile\n" + DOCKERFILE + "```\n", "port-nobody-listens"),
    "two Dockerfiles, of which nobody knows which": ("a.md", f"```dockerfile\nFROM node:22\n```\n{PAGE % (DOCKERFILE, 'docker run -p 8501:8501 ranker')}", "port-nobody-listens"),
    "a volume of docker's": ("run.sh", RUN.replace("-v /m:/models/m", "--mount source=models,target=/models/m"), "mount-not-bind"),
    "an item's second sentence": ("a.md", f"1. {RUN}\n   and then wait\n", "cmd-over-entrypoint"),
    "a service behind one of another file": ("compose.prod.yaml", SERVICE + "    depends_on: [cache]\n", "compose-refused"),
    "a service behind one that need not be": ("compose.yaml", SERVICE + "    depends_on: {cache: {condition: service_started, required: false}}\n", "compose-refused"),
    "a part of a compose file": ("a.md", "```yaml\n" + SERVICE + "    depends_on: [cache]\n```\n", "compose-refused"),
    "one port for two, which is published": ("run.sh", f"{RUN} -p 1:1 --port=8501 --rest_api_port=8501\n".replace("-p 1:1 ", ""), "port-nobody-listens"),
    "nvidia-docker with the image for building": ("run.sh", "nvidia-docker run -it -v /m:/m tensorflow/serving:2.20.0-devel\n", "gpu-image-missing"),
    "a target with two slashes": ("a.md", f"`{RUN.replace('/m:/models/m', '//c/models://models')}`\n", "base-path-missing"),
    "a placeholder for a path": ("a.md", "`" + RUN.replace("-v /m:", "-v absolute_path_to/m:") + "`\n", "mount-source-relative"),
    "a quoted flag in a sentence": ("a.md", f"#{RUN.replace(' -e MODEL_NAME=m', '')} --model_config_file=\"/models/m/c\"\n", "base-path-missing"),
    "a volume that is declared": ("compose.yaml", SERVICE.replace("/m:", "nets:") + "volumes:\n  nets:\n", "compose-refused"),
    "a volume in a part of a compose file": ("a.md", "```yaml\n" + SERVICE.replace("/m:", "nets:") + "```\n", "compose-refused"),
    "variables as a mapping": ("compose.yaml", SERVICE + "    environment:\n      MODEL_NAME: model\n", "compose-refused"),
    "folders here and elsewhere": ("compose.yaml", SERVICE.replace("'/m:/models/model'", "'./m:/models/model', '~/m:/a', 'C:/m:/b', '$M:/c', '${M}/x:/d'"), "compose-refused"),
    "a mount of memory": ("compose.yaml", SERVICE.replace("'/m:/models/model'", "'/m:/models/model', {type: tmpfs, target: /t}"), "compose-refused"),
    "a mount that goes on": ("run.sh", RUN.replace("-v ", "-v \\\n  ") + "\n", "docker-run-without-image"),
    "TensorFlow's image for its notebooks": ("run.sh", "docker run -p 8888:8888 -p 8501:8501 -it tensorflow/tensorflow:latest-jupyter\n# then tensorflow/serving\n", "image-without-server"),
    "TensorFlow's image that trains": ("compose.yaml", SERVICE + "  t:\n    image: tensorflow/tensorflow\n    command: python train.py\n    environment: [MODEL_NAME=m]\n", "image-without-server"),
    "TensorFlow's image as a name of one's own": ("compose.yaml", "services:\n  s:\n    build: .\n    image: tensorflow/tensorflow\n    ports: ['8501:8501']\n", "image-without-server"),
    "a committed image with its model": ("run.sh", f"docker run -d --name base {IMAGE}\ndocker cp out/m base:/models/m\ndocker commit --change 'ENV MODEL_NAME m' base mine\ndocker run -p 8501:8501 mine\n", "base-path-missing"),
    "a committed image, copied into /models": ("run.sh", f"docker run -d --name base {IMAGE}\ndocker cp out/m base:/models\ndocker commit --change 'ENV MODEL_NAME m' base mine\ndocker run -p 8501:8501 mine\n", "base-path-missing"),
    "a committed image with all of a folder": ("run.sh", f"docker run -d --name base {IMAGE}\ndocker cp out/. base:/models\ndocker commit --change 'ENV MODEL_NAME m' base mine\ndocker run -p 8501:8501 mine\n", "base-path-missing"),
    "a committed image in which somebody typed": ("run.sh", f"docker run -d --name base {IMAGE}\ndocker cp out/n base:/models/n\ndocker exec base mv /models/n /models/m\ndocker commit -c 'ENV MODEL_NAME m' base mine\ndocker run -p 8501:8501 mine\n", "base-path-missing"),
    "a committed image whose name the run gives": ("run.sh", f"docker run -d --name base {IMAGE}\ndocker cp out/m base:/models/m\ndocker commit base mine\ndocker run -p 8501:8501 -e MODEL_NAME=m mine\n", "base-path-missing"),
    "an argument that is kept": ("Dockerfile", "FROM ubuntu:24.04\nARG NAME=m\nENV NAME=${NAME}\nCOPY m /models/m/1\nENTRYPOINT tensorflow_model_server --rest_api_port=8501 --model_base_path=/models/${NAME}\n", "argument-of-build"),
    "an argument with a default at the start": ("Dockerfile", "FROM ubuntu:24.04\nARG NAME=m\nCOPY m /models/m/1\nENTRYPOINT tensorflow_model_server --rest_api_port=8501 --model_base_path=/models/${NAME:-m}\n", "argument-of-build"),
    "an argument that the build fills in": ("Dockerfile", 'FROM ubuntu:24.04\nARG NAME=m\nCOPY m /models/m/1\nRUN echo "tensorflow_model_server --rest_api_port=8501 --model_base_path=/models/$NAME" > /go.sh\nENTRYPOINT ["sh", "/go.sh"]\n', "argument-of-build"),
    "nginx to REST in a document": ("a.md", "```nginx\nupstream tf_serving { server 10.0.0.1:8501; }\nlocation / { proxy_pass http://tf_serving; }\n```\n\n" + f"`{RUN}`\n", "proxied-wrong-protocol"),
    "nginx to REST on gRPC's port": ("a.md", "```nginx\nlocation / { proxy_pass http://tf_serving:8500; }\n```\n\n" + f"`{RUN} --port=9000 --rest_api_port=8500`\n", "proxied-wrong-protocol"),
    "nginx to a program of another name": ("nginx.conf", "location / { proxy_pass http://consul:8500; }\n", "proxied-wrong-protocol"),
    "a word by itself": ("a.md", "It is written in\nyaml\nand read by compose: a tool.\n", "not-understood"),
}  # fmt: skip


@each_row("what", WRONG)
def test_what_is_taken_otherwise_is_named_at_its_line(what, tmp_path):
    name, content, rule, line = WRONG[what]
    assert (rule, line) in said(tmp_path, name, content)


@each_row("what", RIGHT)
def test_what_is_taken_as_it_was_meant_is_not(what, tmp_path):
    name, content, rule = RIGHT[what]
    assert rule not in {rule for rule, _ in said(tmp_path, name, content)}

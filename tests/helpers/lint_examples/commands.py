"""Rules of images, scripts, pages and programs, and of what is not read."""

from __future__ import annotations

from lint_examples.shapes import DOCKER, RUN, compose


def script_run(flags: str) -> dict[str, str | bytes]:
    """An image with a script of its own, and how it is run."""
    script = f"#!/bin/bash\ntensorflow_model_server --model_base_path=/models/m {flags}\n"
    image = DOCKER + 'COPY go.sh /go.sh\nENTRYPOINT ["/go.sh"]\n'
    return {"go.sh": script, "Dockerfile": image, "run.sh": "docker build -t rank .\ndocker run rank\n"}


COMMANDS: dict[str, dict[str, str | bytes]] = {
    "not-understood": {"x.yaml": "deploy: {with: the tensorflow/serving image}\n"},
    "unreadable": {"x.yaml": "containers: [{image: tensorflow/serving\n"},
    "model-other-format": {"Dockerfile": DOCKER + "COPY net.onnx /models/model/1/net.onnx"},
    "model-mounted-above": {"run.sh": "docker run -v /srv/m:/models -e MODEL_NAME=m tensorflow/serving:2.20.0\n"},
    "port-told-closed": {"Dockerfile": DOCKER + 'EXPOSE 8080\nCMD ["--enable_batching"]'},
    "flag-too-new": {"run.sh": RUN.format(options="", flags="--mixed_precision=bfloat16").replace("2.20", "2.9")},
    "models-in-one-name": {"run.sh": RUN.format(options="-e MODEL_NAME=a,b", flags="")},
    "model-lost": {"Dockerfile": DOCKER + 'COPY m /models/m\nCMD ["--model_name", "m"]'},
    "pasted-dash": {"run.sh": RUN.format(options="–p 8501:8501", flags="")},
    "pasted-quote": {"run.sh": RUN.format(options="-p “8501:8501”", flags="")},
    "odd-blank": {"run.sh": RUN.format(options="-p\u00a08501:8501", flags="")},
    "quote-not-closed": {"run.sh": RUN.format(options="", flags="'--port=8500")},
    "request-wrong-port": {"r.sh": RUN.format(options="-p 8500:8500", flags="") + "curl http://localhost:8500/v1/models/m\n"},
    "config-file-other-name": {
        "r.sh": "echo 'max_batch_size { value: 4 }' > /b.txt\n"
                "tensorflow_model_server --enable_batching --batching_parameters_file=/batch.txt\n"
    },
    "config-file-late": {
        "r.sh": "docker run -d -v $PWD/c:/c tensorflow/serving:2.20.0 --model_config_file=/c/m &\necho a > c/m\n"
    },
    "text-encoding": {"Dockerfile": (DOCKER + 'CMD ["--port=8500"]\n').encode("utf-16")},
    "windows-line-ends": {"run.sh": RUN.format(options="", flags="--port=8500").replace("\n", "\r\n")},
    "instruction-in-run": {"Dockerfile": DOCKER + "RUN mkdir /m && \\\nRUN mkdir /n\n"},
    "shebang-not-first": {"entrypoint.sh": "\n#!/bin/bash\ntensorflow_model_server --model_base_path=/models/m\n"},
    "cmd-over-entrypoint": {"Dockerfile": DOCKER + 'CMD ["tensorflow_model_server", "--port=8500"]'},
    "cmd-shell-form": {"Dockerfile": DOCKER + "CMD tensorflow_model_server --port=8500"},
    "entrypoint-not-there": {"Dockerfile": DOCKER + 'ENTRYPOINT ["/usr/bin/tf_serving_entrypoint"]\n'},
    "unit-without-shell": {"s.service": "[Service]\nExecStart=tensorflow_model_server --port=1 >> /l\n"},
    "metrics-of-kserve": {
        "r.yaml": "kind: ServingRuntime\nspec:\n  annotations: {prometheus.kserve.io/path: /metrics}\n"
        "  containers: [{name: c, image: tensorflow/serving:2.20.0}]\n"
    },
    "unit-relative-file": {"s.service": "[Service]\nExecStart=tensorflow_model_server --model_config_file=m.config\n"},
    "ports-crossed": {"r.sh": RUN.format(options="-p 8501:8500", flags="")},
    "host-port-twice": {"r.sh": 2 * RUN.format(options="-d -p 8501:8501", flags="")},
    "port-of-copies": {"compose.yml": compose("scale: 2, ports: ['8501:8501']")},
    "health-asks-nobody": {"c.yml": compose('healthcheck: {test: "curl localhost:8080/v1/models/m"}')},
    "apt-in-build": {"Dockerfile": DOCKER + "RUN apt-get install -y curl\n"},
    "grpc-threads-below-clients": {"r.sh": RUN.format(options="", flags="--grpc_max_threads=4") + "ghz -c 64 x\n"},
    "server-port-twice": {"r.sh": 2 * "tensorflow_model_server --rest_api_port=8501 --model_base_path=/models/m &\n"},
    "grpc-port-shared": {"r.sh": 2 * "tensorflow_model_server --port=8500 --model_base_path=/models/m &\n"},
    "gpu-not-given": {"r.sh": "docker run -v /data/m:/models/m -e MODEL_NAME=m tensorflow/serving:2.20.0-gpu\n"},
    "metrics-from-inside": {
        "compose.yml": "services: {p: {image: prom/prometheus, volumes: ['./p.yml:/etc/prometheus/prometheus.yml']}}\n",
        "p.yml": "scrape_configs: [{job_name: serving, static_configs: [{targets: ['localhost:8501']}]}]\n",
    },
    "prompt-in-script": {"r.sh": "$ " + RUN.format(options="", flags="")},
    "cmd-shell-word": {"Dockerfile": DOCKER + "CMD --rest_api_num_threads=16"},
    "entrypoint-replaced": {"Dockerfile": DOCKER + 'ENTRYPOINT ["tensorflow_model_server"]'},
    "image-tag-unknown": {"run.sh": "docker run -p 8501:8501 tensorflow/serving:v1.14\n"},
    "image-name-broken": {"Dockerfile": "FROM tensorflow /serving\nCOPY m /models/model\n"},
    "copy-outside-context": {"Dockerfile": DOCKER + "COPY ../m /models/model\n"},
    "copy-of-url": {"Dockerfile": DOCKER + "COPY s3://bucket/m /models/model\n"},
    "copy-flattens": {"Dockerfile": DOCKER + "COPY saved_model/* /models/model/1/\n"},
    "server-ends-with-build": {
        "Dockerfile": DOCKER + "RUN tensorflow_model_server --model_name=m --model_base_path=/models/m &\n"
    },
    "unknown-instruction": {"Dockerfile": DOCKER + "COPY./m /models/model"},
    "expose-not-a-port": {"Dockerfile": DOCKER + "EXPOSE 8501 # REST"},
    "comment-in-instruction": {"Dockerfile": DOCKER + "WORKDIR /models # here"},
    "name-without-path": {
        "run.sh": "docker run -v /data/models:/models tensorflow/serving:2.20.0 --model_name=leaf\n"
    },
    "request-wrong-path": {
        "a.md": "`docker run -p 8501:8501 -v /m:/models/m -e MODEL_NAME=m tensorflow/serving:2.20.0`\n\n"
        "`curl http://localhost:8501/models/m`\n"
    },
    "variable-not-set": {
        "a.md": "`DIR=$(pwd)/m` and `docker run -v $TESTDATA:/models/m -e MODEL_NAME=m tensorflow/serving:2.20.0`\n"
    },
    "assignment-with-blanks": {"run.sh": "DIR = /m\ntensorflow_model_server --model_base_path=$DIR\n"},
    "docker-option-unknown": {"run.sh": RUN.format(options="--gpu all", flags="")},
    "volume-without-target": {"run.sh": "docker run -v $PWD/m -e MODEL_NAME=m tensorflow/serving:2.20.0\n"},
    "mount-not-bind": {"run.sh": RUN.format(options="--mount source=/c,target=/c", flags="")},
    "devel-image": {"run.sh": "docker run -e MODEL_NAME=m -v /m:/models/m tensorflow/serving:2.20.0-devel\n"},
    "compose-refused": {"c.yaml": "services: {s: {image: 'tensorflow/serving:2.20.0', enable_batching: true}}\n"},
    "make-not-shell": {"Makefile": "run:\n\t" + RUN.format(options="-e A=$HOME", flags="")},
    "no-module": {"run.sh": "python3 -m tensorflow_model_server --model_base_path=/m\n"},
    "file-for-two": {
        "run.sh": "tensorflow_model_server --model_base_path=/m --ssl_config_file=/c --monitoring_config_file=/c\n"
    },
    "base-path-is-file": {"run.sh": "tensorflow_model_server --model_base_path=/m/1/saved_model.pb\n"},
    "exec-form-broken": {"Dockerfile": DOCKER + 'CMD ["--port=8500",\n  "--rest_api_port=8501"]'},
    "exec-form-not-json": {"Dockerfile": DOCKER + "CMD ['--port=8500']"},
    "argument-of-build": {"Dockerfile": DOCKER + "ARG NAME\nENTRYPOINT tensorflow_model_server --model_name=$NAME"},
    "literal-variable": {"Dockerfile": DOCKER + 'CMD ["--model_name=${NAME}"]'},
    "flag-variable-refused": script_run("--rest_api_port=$TF_PORT"),
    "flag-variable-unset": script_run("--batching_parameters_file=${SETTINGS} --enable_batching"),
    "env-nobody-reads": {"Dockerfile": DOCKER + "ENV TF_ENABLE_BATCHING=true"},
    "sysctl-in-dockerfile": {"Dockerfile": DOCKER + "RUN sysctl -w net.core.somaxconn=1024"},
    "tool-not-in-image": {"Dockerfile": DOCKER + "HEALTHCHECK CMD wget -q http://localhost:8501/v1/models/m"},
    "server-in-build": {
        "Dockerfile": DOCKER + "RUN tensorflow_model_server --model_base_path=/models/m\n",
    },
    "port-out-of-range": {"run.sh": RUN.format(options="", flags="--rest_api_port=85010")},
    "gpu-fraction-beyond": {"run.sh": RUN.format(options="", flags="--per_process_gpu_memory_fraction=50")},
    "grpc-arguments-malformed": {"run.sh": RUN.format(options="", flags="--grpc_channel_arguments=so_reuseport=0")},
    "config-poll-unused": {"run.sh": RUN.format(options="", flags="--model_config_file_poll_wait_seconds=60")},
    "binary-misspelt": {"run.sh": "tensorflow-model-server --port=8500 --model_base_path=/m\n"},
    "docker-run-without-image": {"run.sh": 'docker run -v "/d/m:/models/m tensorflow/serving:2.20.0"\n'},
    "mount-without-source": {
        "run.sh": "docker run --mount type=bind,srce=/d/m,target=/models/model tensorflow/serving:2.20.0\n"
    },
    "server-in-foreground": {"run.sh": "tensorflow_model_server --model_base_path=/models/m\ncurl localhost:8501\n"},
    "mount-source-relative": {"run.sh": "docker run -v models/m:/models/model tensorflow/serving:2.20.0\n"},
    "flag-before-image": {"run.sh": "docker run --model_name=m tensorflow/serving:2.20.0\n"},
    "line-not-continued": {"run.sh": "docker run -p 8501:8501\n  -v /d/m:/models/model tensorflow/serving:2.20.0\n"},
    "base-path-doubled": {
        "run.sh": RUN.format(options="-e MODEL_BASE_PATH=/models/m", flags="")
    },
    "model-name-appended": {
        "run.sh": RUN.format(options="-v /data/all:/models -e MODEL_BASE_PATH=/models/m", flags="").replace(
            "-v /data/m:/models/m ", "")
    },
    "port-nobody-listens": {"run.sh": RUN.format(options="-p 80:80", flags="")},
    "dollar-in-fstring": {"d.py": "c = f'tensorflow_model_server --model_base_path=\"${FOLDER}/m\"'\n"},
    "component-without-python": {"d.py": 'f = make(step, base_image="tensorflow/serving:2.20.0")\n'},
    "sagemaker-stock-image": {
        "d.py": 'm = c.create_model(PrimaryContainer={"Image": "tensorflow/serving:2.20.0", "ModelDataUrl": "s3://b/m"})\n'
    },
    "vertex-stock-image": {
        "d.py": 'm = Model.upload(serving_container_image_uri="tensorflow/serving:2.20.0")\nm.deploy()\n'
    },
    "sagemaker-env-unread": {"d.py": 'm = TensorFlowModel(env={"SAGEMAKER_TFS_WORKER_TIMEOUT_SECS": "300"})\n'},
    "sagemaker-batching-off": {"d.py": 'm = TensorFlowModel(env={"SAGEMAKER_TFS_MAX_BATCH_SIZE": "32"})\n'},
    "sagemaker-batching-word": {"d.py": 'm = TensorFlowModel(env={"SAGEMAKER_TFS_ENABLE_BATCHING": "1"})\n'},
    "health-word-available": {
        "c.yml": compose('healthcheck: {test: "curl localhost:8501/v1/models/m | grep AVAILABLE"}')
    },
    "image-not-pinned": {"run.sh": "docker run tensorflow/serving --model_name=m"},
    "sysctl-host-network": {"c.yml": compose("network_mode: host, sysctls: {net.core.somaxconn: 1}")},
}  # fmt: skip

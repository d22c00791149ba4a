"""Scripts and Dockerfiles are read alike wherever they stand, and what breaks them is named at its line."""

from lint_forms import DOCKERFILES, INSIDE, SCRIPTS, found, line_of, written
from tables import each_row

RUN = ["docker run -d -p 8500:8500 -p 8501:8501 \\", "  -v /data/models:/models \\", "  -e MODEL_NAME=ranker \\",
       "  tensorflow/serving:2.20.0 \\", "  --rest_api_num_threads=16"]  # fmt: skip
LINE = ["tensorflow_model_server --port=8500 --rest_api_port=8501 \\", "  --model_name=ranker \\",
        "  --model_base_path=/models/ranker \\", "  --rest_api_num_threads=16"]  # fmt: skip
IMAGE = ["FROM tensorflow/serving:2.20.0", "", "COPY models/ /models/", "ENV MODEL_NAME=ranker", "EXPOSE 8500 8501",
         'CMD ["--rest_api_num_threads=16", "--grpc_max_threads=64"]']  # fmt: skip

# the rule, the piece that goes, what comes in its place, and a word of the line where the fault is
RUN_FAULTS = [
    ("line-not-continued", "ranker \\", "ranker", "tensorflow/serving"),
    ("line-not-continued", "ranker \\", "ranker \\ ", "tensorflow/serving"),
    ("line-not-continued", "2.20.0 \\", "2.20.0", "--rest_api_num"),
    ("flag-before-image", "-e MODEL_NAME", "--enable_batching=true -e MODEL_NAME", "--enable_batching"),
    ("docker-run-without-image", "MODEL_NAME=ranker", "MODEL_NAME= ranker", "MODEL_NAME"),
    ("mount-without-source", "-v /data/models:/models", "--mount type=bind, source=/data,target=/models", "--mount"),
    ("sysctl-host-network", "-v /data", "--network host --sysctl net.core.somaxconn=1 -v /data", "--sysctl"),
    ("cmd-over-entrypoint", "--rest_api_num", "tensorflow_model_server --rest_api_num", "tensorflow_model_server"),
    ("unknown-flag", "threads=16", "threads=16 -p 8502:8502", "-p 8502"),
]
LINE_FAULTS = [
    ("line-not-continued", "=ranker \\", "=ranker", "--model_base_path"),
    ("line-not-continued", "=ranker \\", "=ranker \\ # its name", "--model_base_path"),
    ("flag-value-after-blank", "threads=16", "threads = 16", "threads"),
    ("unknown-flag", "--rest_api_num", "-rest_api_num", "-rest_api_num"),
]
IMAGE_FAULTS = [
    ("exec-form-not-json", '"', "'", "CMD"),
    ("exec-form-not-json", '64"]', '64",]', "CMD"),
    (
        "cmd-shell-form",
        '["--rest_api_num_threads=16", "--grpc_max_threads=64"]',
        "--rest_api_num_threads=16 --grpc_max_threads=64",
        "CMD",
    ),
    ("cmd-over-entrypoint", '["--', '["tensorflow_model_server", "--', "CMD"),
    (
        "entrypoint-replaced",
        "CMD [",
        'ENTRYPOINT ["tensorflow_model_server", "--model_base_path=/models/ranker", ',
        "ENTRYPOINT",
    ),
    ("expose-not-a-port", "8500 8501", "8501 # REST", "EXPOSE"),
    ("port-told-closed", "8500 8501", "9000", "EXPOSE"),
    ("sysctl-in-dockerfile", "EXPOSE 8500 8501", "RUN echo net.core.somaxconn=1 >> /etc/sysctl.conf", "sysctl"),
    ("tool-not-in-image", "EXPOSE 8500 8501", "HEALTHCHECK CMD curl -f localhost:8501/v1/models/ranker", "curl"),
    ("literal-variable", "threads=16", "threads=${THREADS}", "${THREADS}"),
    ("env-nobody-reads", "ENV MODEL_NAME=ranker", "ENV TF_ENABLE_BATCHING=true", "TF_ENABLE"),
    ("flag-value-after-blank", "threads=16", "threads 16", "CMD"),
]


PLACES = {
    **{f"{form}, a run": (SCRIPTS[form], RUN, RUN_FAULTS) for form in SCRIPTS},
    **{f"{form}, a line": (SCRIPTS[form], LINE, LINE_FAULTS) for form in SCRIPTS},
    **{form: (INSIDE[form], LINE, LINE_FAULTS) for form in INSIDE},
    **{f"{form}, an image": (DOCKERFILES[form], IMAGE, IMAGE_FAULTS) for form in DOCKERFILES},
}


@each_row("place", PLACES)
def test_a_text_inside_another_is_read_as_it_is_alone(place):
    (path, frame), text, faults = PLACES[place]
    missed = []
    for rule, gone, come, word in faults:
        whole = written(frame, [row.replace(gone, come) for row in text])
        hits = found(path, whole, common={"monitoring-missing"})
        missed += [] if any(hit == rule and abs((at or 0) - line_of(whole, word)) <= 2 for hit, at in hits) else [rule]
    assert missed == []
    assert found(path, written(frame, text)) == set()

"""A volume that another container fills by a command that is shown holds what that command puts there."""

from tables import each_row

from playbook.lint.forms.filled_folders import names_put
from playbook.lint.linter import examine

PUTS = {
    "a copy": ("cp -r /src/resnet /models/resnet", {"resnet"}),
    "a copy by another tool": ("aws s3 cp --recursive s3://b/m /models/m/1", {"m"}),
    "a script of a shell": ("sh -c mkdir -p /models/m && gsutil cp -r gs://b/m/* /models/m/", {"m"}),
    "two of them": ("git clone u /models/a; git clone v /models/b", {"a", "b"}),
    "an archive into a folder": ("tar xzf /tmp/m.tgz -C /models/m", {"m"}),
    "an archive, whatever it holds": ("tar xzf /models/m.tgz -C /models", set()),
    "the folder itself": ("aws s3 sync s3://b/models /models", set()),
    "a name that is filled in": ("cp -r /src /models/$NAME", set()),
    "a step into the folder": ("cd /models && git clone u /models/a", set()),
    "a program that may do anything": ("python fetch.py --to /models/m", set()),
    "nothing of the folder": ("sh /scripts/fetch.sh", set()),
    "a folder of a longer name": ("cp -r /src /models-old/m", set()),
}


@each_row("what", PUTS)
def test_the_names_that_a_script_puts_into_a_folder(what):
    script, names = PUTS[what]
    assert names_put([script], "/models") == names


POD = """\
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  initContainers:
  - {name: f, image: alpine, command: [cp, -r, /src, FILLED], volumeMounts: [{name: m, mountPath: /work}]}
  containers:
  - name: s
    image: tensorflow/serving:2.14.1
    env: [{name: MODEL_NAME, value: flowers}]
    volumeMounts: [{name: m, mountPath: /models}]
  volumes: [{name: m, emptyDir: {}}]
"""
COMPOSE = """\
services:
  f: {image: alpine, command: cp -r /src FILLED, volumes: ['m:/work']}
  s:
    image: tensorflow/serving:2.14.1
    environment: {MODEL_NAME: flowers}
    ports: ['8501:8501']
    volumes: ['m:/models']
volumes: {m: {}}
"""
FORMS = {"a pod": ("k.yaml", POD), "compose": ("compose.yaml", COMPOSE)}


@each_row("form", FORMS)
def test_a_server_waits_for_a_model_that_is_put_elsewhere(form, tmp_path):
    name, text = FORMS[form]
    for filled, missing in (("/work/flowers", False), ("/work/flower", True), ("/work", False), ("/other/x", False)):
        (tmp_path / name).write_text(text.replace("FILLED", filled))
        hits = [hit for hit in examine(tmp_path).findings if hit.rule == "base-path-missing"]
        assert bool(hits) is missing, filled
        assert all("/models/flower:" in hit.remedy for hit in hits)


def test_what_a_second_container_puts_there_unseen_may_be_the_model(tmp_path):
    other = "  - {name: g, image: fetcher, volumeMounts: [{name: m, mountPath: /work}]}\n  containers:"
    (tmp_path / "k.yaml").write_text(POD.replace("FILLED", "/work/flower").replace("  containers:", other))
    assert "base-path-missing" not in {hit.rule for hit in examine(tmp_path).findings}

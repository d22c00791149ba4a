# ruff: noqa: E501  (a table of texts, one a line)
"""Lint reads where people write: each place of a command line or config file yields the same finding."""

import json

from tables import each_row

from playbook.lint.forms.helm import by_template
from playbook.lint.forms.text import Text
from playbook.lint.linter import examine

THREADS, BARE = "rest-threads-one", "batching-bare-field"
LINE = "tensorflow_model_server --rest_api_port=8501 --rest_api_num_threads=1 --model_base_path=/m"
RUN = "docker run -v /srv/m:/models/model tensorflow/serving:2.20.0 --rest_api_num_threads=1"
MORE = " \\\n  --rest"
CONTAINER = '{name: s, image: "tensorflow/serving:2.20.0", args: ["--rest_api_num_threads=1"]}'
PLACES = {
    "Dockerfile, exec form": ("Dockerfile", 'FROM tensorflow/serving:2.20.0\nCMD ["--port=8500", \\\n  "--rest_api_num_threads=1"]\n', 3, THREADS),
    "Dockerfile, shell form": ("Dockerfile", f"FROM tensorflow/serving:2.20.0\nENTRYPOINT exec {LINE}\n", 2, THREADS),
    "Dockerfile, here-document": ("Dockerfile", f"FROM tensorflow/serving:2.20.0\nCOPY <<EOF /usr/bin/tf_serving_entrypoint.sh\n{LINE}\nEOF\n", 3, THREADS),
    "Dockerfile, file by RUN": ("Dockerfile", "FROM tensorflow/serving:2.20.0\nRUN <<EOF\ncat > /b.config <<X\nmax_batch_size: 4\nX\nEOF\n", 4, BARE),
    "shell script": ("run.sh", f"#!/bin/bash\nif true; then\n  nohup {LINE} > log 2>&1 &\nfi\n", 3, THREADS),
    "sh -c in a script": ("run.sh", f'ssh host "{LINE}"\n', 1, THREADS),
    "docker run, continued": ("run.sh", RUN.replace(" --rest", " \\\n  --rest"), 2, THREADS),
    "here-document for kubectl": ("run.sh", f"cat <<EOF | kubectl apply -f -\nkind: Pod\nspec: {{containers: [{CONTAINER}]}}\nEOF\n", 3, THREADS),
    "kubectl run": ("run.sh", "kubectl run x --image=tensorflow/serving:2.20.0 -- --rest_api_num_threads=1\n", 1, THREADS),
    "Makefile": ("Makefile", f"N = 1\nrun:\n\t@{RUN.replace('=1', '=$(N)')}\n", 3, THREADS),
    "Markdown": ("README.md", f"# Run\n\n1. do\n   ```console\n   $ {RUN}\n   ```\n", 5, THREADS),
    "config in Markdown": ("README.md", "```\nmax_batch_size: 4\nnum_batch_threads { value: 2 }\n```\n", 2, BARE),
    "systemd": ("x.service", f"[Service]\nExecStart=-/usr/bin/{LINE}\n", 2, THREADS),
    "Python list": ("x.py", f"import subprocess\nsubprocess.run({LINE.split()!r})\n", 2, THREADS),
    "Python text": ("x.py", f"import os\nP = 1\nos.system(f'{LINE.replace('=1 ', '={P} ')}')\n", 3, THREADS),
    "docker SDK": ("x.py", "import docker\ndocker.from_env().containers.run('tensorflow/serving:2.20.0',\n  command=['--rest_api_num_threads=1'])\n", 3, THREADS),
    "compose": ("c.yml", "services:\n  s:\n    image: tensorflow/serving:2.20.0\n    command: >\n      --rest_api_num_threads=1\n", 5, THREADS),
    "JSON manifest": ("pod.json", json.dumps({"kind": "Pod", "spec": {"containers": [{"image": "tensorflow/serving:2.20.0", "args": ["--rest_api_num_threads=1"]}]}}), 1, THREADS),
    "List": ("k.yaml", f"kind: List\nitems:\n- kind: Pod\n  spec:\n    containers: [{CONTAINER}]\n", 5, THREADS),
    "custom resource": ("k.yaml", f"kind: SeldonDeployment\nspec:\n  predictors:\n  - componentSpecs:\n    - spec: {{containers: [{CONTAINER}]}}\n", 5, THREADS),
    "sh -c in a pod": ("k.yaml", f'kind: Pod\nspec:\n  containers:\n  - name: s\n    image: x/y\n    command: [sh, -c]\n    args: ["{LINE}"]\n', 7, THREADS),
    "KServe": ("k.yaml", "kind: InferenceService\nspec:\n  predictor:\n    tensorflow:\n      storageUri: gs://b/m\n      args: [--rest_api_num_threads=1]\n", 6, THREADS),
    "container alone": ("README.md", "```\n- name: s\n  image: tensorflow/serving:2.20.0\n  args:\n  - --rest_api_num_threads=1\n  ports: [{containerPort: 8501}]\n```\n", 5, THREADS),
    "arguments alone": ("README.md", "```yaml\nargs:\n- --model_base_path=/models/a\n- --rest_api_num_threads=1\n```\n", 4, THREADS),
    "YAML called Python": ("README.md", f"```py\nspec:\n  containers: [{CONTAINER}]\n```\n", 3, THREADS),
    "manifest in Rust's text": ("m.rs", 'let m = format!(r#"\nkind: Pod\nmetadata: {{name: "a-{}"}}\nspec:\n  containers:\n  - image: tensorflow/serving:2.20.0\n    args: [--rest_api_num_threads=1]\n"#, n);\n', 7, THREADS),
    "manifest in Go's text": ("m.go", "const m = `\nkind: Pod\nspec:\n  containers:\n  - image: tensorflow/serving:2.20.0\n    args: [--rest_api_num_threads=1]\n`\n", 6, THREADS),
    "stack in Kotlin's text": ("m.kt", 'val m = """\nservices:\n  s:\n    image: tensorflow/serving:2.20.0\n    command: [--rest_api_num_threads=1]\n"""\n', 5, THREADS),
    "JSON that Terraform fills in": ("d.json", '[{"image": "${image}", "memory": ${memory},\n "entryPoint": ["sh", "-c"],\n "command": ["tensorflow_model_server --model_base_path=/m --rest_api_port=8501 --rest_api_num_threads=1"]}]\n', 3, THREADS),
    "health check alone": ("README.md", "```dockerfile\nFROM tensorflow/serving:2.20.0\n```\n```yaml\nhealthcheck:\n  test: wget -q -O- localhost:8501/v1/models/a | grep AVAILABLE\n```\n", 6, "tool-not-in-image"),
    "blank behind a variable's sign": ("run.sh", "docker run -p 8501:8501 -v $PWD/a:/models/a -e MODEL_NAME= a tensorflow/serving:2.20.0\n", 1, "docker-run-without-image"),
    "mount torn in a torn line": ("run.sh", "docker run -p 8501:8501 \\\n  --mount type=bind, source=/m, target=/models/a \\\n  -e MODEL_NAME=a\n  tensorflow/serving:2.20.0\n", 2, "mount-without-source"),
    "sidecar of Argo": ("w.yaml", f"kind: Workflow\nspec:\n  templates:\n  - container: {{image: curl}}\n    sidecars: [{CONTAINER}]\n", 5, THREADS),
    "sidecar that stays": ("p.yaml", f"kind: Pod\nspec:\n  initContainers:\n  - {CONTAINER[:-1]}, restartPolicy: Always}}\n  containers: [{{image: app}}]\n", 4, THREADS),
    "values of a HelmRelease": ("r.yaml", "kind: HelmRelease\nspec:\n  values:\n    image: tensorflow/serving:2.20.0\n    args: [--rest_api_num_threads=1]\n", 5, THREADS),
    "manifest in Terraform's text": ("m.tf", f'resource "kubectl_manifest" "t" {{\n  yaml_body = <<-EOT\n    apiVersion: v1\n    kind: Pod\n    spec:\n      containers: [{CONTAINER}]\n  EOT\n}}\n', 6, THREADS),
    "image of one's own in Terraform": ("m.tf", 'resource "kubernetes_pod" "t" {\n  spec {\n    container {\n      image = "me/chat:1"\n      args = ["--model_base_path=m"]\n    }\n  }\n}\n', 5, "relative-base-path"),
    "key of a ConfigMap": ("p.yaml", "kind: ConfigMap\nmetadata: {name: c}\ndata: {P: m}\n---\nkind: Pod\nspec:\n  containers:\n  - image: tensorflow/serving:2.20.0\n    env: [{name: P, valueFrom: {configMapKeyRef: {name: c, key: P}}}]\n    args: [--model_base_path=$(P)]\n", 10, "relative-base-path"),
    "variables with a prefix": ("p.yaml", "kind: ConfigMap\nmetadata: {name: c}\ndata: {P: m}\n---\nkind: Pod\nspec:\n  containers:\n  - image: tensorflow/serving:2.20.0\n    envFrom: [{prefix: T_, configMapRef: {name: c}}]\n    args: [--model_base_path=$(T_P)]\n", 10, "relative-base-path"),
    "variable of a variable": ("p.yaml", "kind: Pod\nspec:\n  containers:\n  - image: tensorflow/serving:2.20.0\n    env: [{name: R, value: m}, {name: P, value: $(R)/a}]\n    args: [--model_base_path=$(P)]\n", 6, "relative-base-path"),
    "service that extends one": ("compose.yaml", "services:\n  base:\n    image: tensorflow/serving:2.20.0\n    entrypoint: [tensorflow_model_server, --model_base_path=/models/a]\n  s:\n    extends: {service: base}\n    ports: ['8501:8501']\n", 7, "port-nobody-listens"),
    "quota in compose": ("compose.yaml", "services:\n  s:\n    image: tensorflow/serving:2.20.0\n    command: [--model_name=a]\n    cpu_quota: 50000\n", 4, "cpu-limit-threads"),
    "program the image lacks": ("j.yaml", "kind: Job\nspec:\n  template:\n    spec:\n      containers:\n      - image: tensorflow/serving:2.20.0\n        command: [python, batch.py, --input=/x]\n", 7, "tool-not-in-image"),
    "GPU for a predictor": ("i.yaml", "kind: InferenceService\nspec:\n  predictor:\n    tensorflow:\n      runtimeVersion: 2.20.0\n      resources: {limits: {nvidia.com/gpu: 1}}\n", 6, "gpu-image-missing"),
    "gRPC's port for metrics": ("m.yaml", "kind: ServiceMonitor\nmetadata: {name: serving}\nspec:\n  endpoints:\n  - port: grpc\n    path: /monitoring/prometheus/metrics\n", 5, "metrics-port-closed"),
    "Helm template": ("k.yaml", f"kind: Pod\nmetadata:\n  {{{{- include \"x\" . | nindent 4 }}}}\nspec: {{containers: [{CONTAINER}]}}\n", 4, THREADS),
    "Argo template": ("k.yaml", f"kind: Workflow\nspec:\n  templates:\n  - container: {CONTAINER}\n", 4, THREADS),
    "manifest in a value": ("k.yaml", f"kind: Workflow\nspec:\n  manifest: |\n    apiVersion: v1\n    kind: Pod\n    spec: {{containers: [{CONTAINER}]}}\n", 6, THREADS),
    "JSON patch": ("p.yaml", "- op: add\n  path: /spec/template/spec/containers/0/args/-\n  value: --rest_api_num_threads=1\n", 3, THREADS),
    "values of a chart": ("c/values.yaml", "args:\n- --rest_api_num_threads=1\n", 2, THREADS),
    "step of a pipeline": ("ci.yml", f"test:\n  script:\n  - {RUN}\n", 3, THREADS),
    "Ansible task": ("t.yml", "- hosts: a\n  tasks:\n  - docker_container:\n      image: tensorflow/serving:2.20.0\n      command: --rest_api_num_threads=1\n", 5, THREADS),
    "supervisord": ("s.conf", f"[program:s]\ncommand={LINE}\n", 2, THREADS),
    "batch file": ("run.bat", RUN.replace(" --rest", " ^\n  --rest") + "\n", 2, THREADS),
    "reStructuredText": ("d.rst", f"Run::\n\n    {RUN}\n", 3, THREADS),
    "AsciiDoc": ("d.adoc", f"[source,bash]\n----\n{RUN}\n----\n", 3, THREADS),
    "words in a sentence": ("README.md", f"Start it by `{RUN}` and wait.\n", 1, THREADS),
    "gcloud run": ("run.sh", "gcloud run deploy x --image=tensorflow/serving:2.20.0 --args=--model_name=m,--rest_api_num_threads=1\n", 1, THREADS),
    "docker compose run": ("run.sh", "docker compose -f c.yml run -d s --rest_api_num_threads=1 --enable_batching\n", 1, THREADS),
    "config by echo": ("run.sh", "echo 'max_batch_size { value: 4 }' > b.config\necho 'num_batch_threads: 2' >> b.config\n", 2, BARE),
    "Dockerfile in Python": ("x.py", "D = \"\"\"\nFROM tensorflow/serving:2.20.0\nCMD ['--port=8500']\nCMD ['--rest_api_num_threads=1']\n\"\"\"\n".replace("['", '["').replace("']", '"]'), 4, THREADS),
    "list put together": ("x.py", "c = ['tensorflow_model_server']\nc.append('--model_base_path=/m')\nc += ['--rest_api_num_threads=1', '--rest_api_port=8501']\n", 3, THREADS),
    "testcontainers": ("x.py", "S = DockerContainer('tensorflow/serving:2.20.0').with_command(\n    '--rest_api_num_threads=1')\n", 2, THREADS),
    "ConfigMap": ("k.yaml", "kind: ConfigMap\nmetadata: {name: c}\ndata:\n  b.config: |\n    max_batch_size: 4\n", 5, BARE),
    "Secret": ("k.yaml", "kind: Secret\nmetadata: {name: c}\nstringData:\n  b.config: |\n    max_batch_size: 4\n", 5, BARE),
    "PowerShell": ("run.ps1", RUN.replace(" --rest", " `\n  --rest") + "\n", 2, THREADS),
    "script fed to another": ("run.sh", f"ssh host <<EOF\n{RUN}\nEOF\n", 2, THREADS),
    "script that a script writes": ("run.sh", f"cat > start.sh <<'EOF'\nexec {LINE}\nEOF\n", 2, THREADS),
    "flags in a variable": ("run.sh", "ARGS='--rest_api_port=8501'\nARGS+=' --rest_api_num_threads=1'\ntensorflow_model_server --model_base_path=/m $ARGS\n", 2, THREADS),
    "docker service": ("run.sh", f"docker service create --replicas 2 {RUN[11:]}\n", 1, THREADS),
    "Vertex AI": ("up.sh", "gcloud ai models upload --region=r --container-image-uri=tensorflow/serving:2.20.0 --container-args=--model_name=m,--rest_api_num_threads=1\n", 1, THREADS),
    "quadlet": ("s.container", "[Container]\nImage=docker.io/tensorflow/serving:2.20.0\nExec=--rest_api_num_threads=1\n", 3, THREADS),
    "Dockerfile that is called yaml": ("README.md", "```yaml\nFROM tensorflow/serving:2.20.0\nCMD [\"--rest_api_num_threads=1\"]\n```\n", 3, THREADS),
    "flags alone in Markdown": ("README.md", "```\n--enable_batching \\\n--rest_api_num_threads=1\n```\n", 3, THREADS),
    "HTML": ("page.html", f"<p>Run</p>\n<pre><code>docker pull x\n{RUN}</code></pre>\n", 3, THREADS),
    "Terraform, Kubernetes": ("m.tf", 'resource "kubernetes_deployment" "s" {\n spec { template { spec {\n  container {\n   image = "tensorflow/serving:2.20.0"\n   args = ["--rest_api_num_threads=1"]\n  }\n }}}\n}\n', 5, THREADS),
    "Terraform, task of ECS": ("m.tf", 'variable "tag" { default = "2.20.0" }\nresource "aws_ecs_task_definition" "s" {\n container_definitions = jsonencode([{\n  image = "tensorflow/serving:${var.tag}"\n  command = ["--rest_api_num_threads=1"]\n }])\n}\n', 5, THREADS),
    "Terraform, script of a machine": ("m.tf", f'resource "aws_instance" "s" {{\n user_data = <<-EOF\n  #!/bin/bash\n  {RUN}\n EOF\n}}\n', 4, THREADS),
    "Nomad": ("s.nomad", 'task "s" {\n config {\n  image = "tensorflow/serving:2.20.0"\n  args = ["--rest_api_num_threads=1"]\n }\n}\n', 4, THREADS),
    "CloudFormation": ("c.yaml", "Resources:\n  T:\n    Properties:\n      ContainerDefinitions:\n      - Image: tensorflow/serving:2.20.0\n        Command: [--rest_api_num_threads=1]\n", 6, THREADS),
    "service of GitLab": ("ci.yml", "t:\n  services:\n  - name: tensorflow/serving:2.20.0\n    command: [--rest_api_num_threads=1]\n", 4, THREADS),
    "words of cloud-init": ("c.yml", f"runcmd:\n- {json.dumps(RUN.split())}\n", 2, THREADS),
    "dict of Python": ("x.py", "C = {'services': {'s': {'image': 'tensorflow/serving:2.20.0',\n  'command': ['--rest_api_num_threads=1']}}}\n", 2, THREADS),
    "keywords of a cloud's client": ("x.py", "M = upload(serving_container_image_uri='tensorflow/serving:2.20.0',\n  serving_container_args=['--rest_api_num_threads=1'])\n", 2, THREADS),
    "TypeScript": ("s.ts", "add('s', { image: from('tensorflow/serving:2.20.0'),\n  command: ['--model_name=m', '--rest_api_num_threads=1'] });\n", 2, THREADS),
    "Go": ("s.go", 'package main\nvar c = exec.Command("tensorflow_model_server", "--rest_api_port=8501",\n  "--rest_api_num_threads=1")\n', 3, THREADS),
    "Jenkinsfile": ("Jenkinsfile", f"node {{\n  sh \'\'\'\n    {RUN}\n  \'\'\'\n}}\n", 3, THREADS),
    "template with a gap": ("k.yaml", "kind: Pod\nspec:\n  containers:\n  - name: s\n    image: tensorflow/serving:2.20.0\n    resources: {{ toYaml .Values.r }}\n    args: [--rest_api_num_threads=1]\n", 7, THREADS),
    "config by a group of echoes": ("run.sh", "{\n echo 'max_batch_size: 4'\n echo 'num_batch_threads { value: 2 }'\n} > b.config\n", 2, BARE),
    "config in a pod's script": ("k.yaml", "kind: Pod\nspec:\n  containers:\n  - image: tensorflow/serving:2.20.0\n    command: [sh, -c]\n    args:\n    - |\n      cat > /b.cfg <<EOF\n      max_batch_size: 4\n      EOF\n      tensorflow_model_server --rest_api_port=8501 --model_base_path=/m --enable_batching --batching_parameters_file=/b.cfg\n", 9, BARE),
    "ConfigMap in JSON": ("c.json", json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "data": {"b": "max_batch_size: 4\n"}}), 1, BARE),
    "Terraform, ConfigMap": ("m.tf", 'resource "kubernetes_config_map" "c" {\n data = {\n  "b.cfg" = <<EOF\nmax_batch_size: 4\nEOF\n }\n}\n', 4, BARE),
    "config of an Ansible task": ("t.yml", "- hosts: a\n  tasks:\n  - copy:\n      dest: /b.cfg\n      content: |\n        max_batch_size: 4\n", 6, BARE),
    "config in Python": ("x.py", "import subprocess\nC = \'\'\'max_batch_size: 4\nnum_batch_threads { value: 2 }\n\'\'\'\nsubprocess.run(['tensorflow_model_server', '--model_base_path=/m'])\n", 2, BARE),
    "config line by line in Python": ("x.py", "C = 'model_config_list'\nwith open('b') as f:\n    f.write('num_batch_threads { value: 2 }\\n')\n    f.write('max_batch_size: 4\\n')\n", 4, BARE),
    "fence in a list": ("README.md", f"1. do this\n   1. ```shell\n       {RUN}\n      ```\n", 3, THREADS),
    "prose without a fence": ("README.md", f"Then start it:\n{RUN.replace(' --rest', MORE)}\n\nand wait.\n", 3, THREADS),
    "prompt of another shell": ("README.md", f"```\n$>{LINE}\n```\n", 2, THREADS),
    "words over two lines": ("README.md", f"Start it by `{RUN.replace(' --rest', MORE)}` and wait.\n", 2, THREADS),
    "code in HTML's prose": ("page.html", f"<p>Run <code>{RUN}</code></p>\n", 1, THREADS),
    "shell called Python": ("README.md", f"```python\n# step 1\n{RUN}\n```\n", 3, THREADS),
    "cell in Markdown": ("README.md", f"```python\nimport os\n!{LINE}\n```\n", 3, THREADS),
    "config without a fence": ("README.md", "Write\n\nmax_batch_size { value: 4 }\nnum_batch_threads { value: 2 }\nmax_batch { value: 2 }\n", 5, "batching-unknown-field"),
    "comment of Python": ("x.py", f"import os\n\n# Start it first:\n# {LINE}\n", 4, THREADS),
    "words in quotes, continued": ("run.sh", f'su tf -c "{LINE.replace(" --rest_api_num", MORE + "_api_num")}"\n', 2, THREADS),
    "text of Python, continued": ("x.py", f"import os\nos.system('''{LINE.replace(' --rest_api_num', MORE + '_api_num')}''')\n", 3, THREADS),
    "lists of Python, added": ("x.py", "a = ['--rest_api_port=8501']\na += ['--rest_api_num_threads=1']\nrun(['tensorflow_model_server', '--model_base_path=/m'] + a)\n", 2, THREADS),
    "list within a list of Python": ("x.py", "a = ['--rest_api_port=8501',\n  '--rest_api_num_threads=1']\nrun(['tensorflow_model_server', *a])\n", 2, THREADS),
    "keywords of the docker SDK in a dict": ("x.py", "k = dict(image='tensorflow/serving:2.20.0',\n  command=['--rest_api_num_threads=1'])\nc.containers.run(**k)\n", 2, THREADS),
    "the docker SDK's lower half": ("x.py", "c.create_container('tensorflow/serving:2.20.0',\n  command=['--rest_api_num_threads=1'])\n", 2, THREADS),
    "recipe on the target's line": ("Makefile", f"run: build ; {RUN}\n", 1, THREADS),
    "supervisord, over lines": ("s.conf", f"[program:s]\ncommand={LINE.replace(' --rest_api_num', chr(10) + '  --rest_api_num')}\n", 3, THREADS),
    "singularity": ("run.sh", "singularity run --nv -B /srv:/models docker://tensorflow/serving:2.20.0 --rest_api_num_threads=1\n", 1, THREADS),
    "docker run without an entrypoint": ("run.sh", f"docker run --entrypoint '' -v /srv/m:/m tensorflow/serving:2.20.0 {LINE}\n", 1, THREADS),
    "Dockerfile of Windows": ("Dockerfile", '# escape=`\nFROM tensorflow/serving:2.20.0\nCMD ["--port=8500", `\n  "--rest_api_num_threads=1"]\n', 4, THREADS),
    "config printed line by line": ("run.sh", "printf '%s\\n' 'max_batch_size: 4' 'num_batch_threads { value: 2 }' > b.config\n", 1, BARE),
    "batching of a platform": ("p.config", 'platform_configs { key: "tensorflow" value { source_adapter_config {\n [type.googleapis.com/tensorflow.serving.SavedModelBundleSourceAdapterConfig] { legacy_config {\n  batching_parameters { max_batch_size: 8 }\n } } } } }\n', 3, BARE),
    "part of a model list": ("README.md", "```\nmodel_config {\n  name: 'm'\n  base_path: '/m'\n  model_platform: 'tensorflow'\n}\n```\n", 2, "config-unknown-field"),
    "words that a script sets": ("run.sh", f"set -- {LINE.partition(' ')[2]}\nexec tensorflow_model_server \"$@\"\n", 1, THREADS),
    "default that is kept": ("run.sh", LINE.replace("=1", "=${N:=1}") + "\n", 1, THREADS),
    "name of a class's own": ("x.py", "class S:\n    B = 'tensorflow_model_server'\n    def f(self):\n        self.n = '--rest_api_num_threads=1'\n        run([self.B, '--rest_api_port=8501',\n             self.n])\n", 6, THREADS),
    "systemd, a comment between": ("s.service", "[Service]\nExecStart=/usr/bin/tensorflow_model_server --port=%i --rest_api_port=8501 \\\n  # threads\n  --rest_api_num_threads=1\n", 4, THREADS),
    "script by RUN, line behind line": ("Dockerfile", "FROM tensorflow/serving:2.20.0\nRUN echo '#!/bin/sh' > /s.sh && \\\n  echo 'tensorflow_model_server --rest_api_port=8501 \\' >> /s.sh && \\\n  echo '--rest_api_num_threads=1' >> /s.sh\nENTRYPOINT [\"/s.sh\"]\n", 4, THREADS),
    "the image's script by a shell": ("Dockerfile", 'FROM tensorflow/serving:2.20.0\nENV N=1\nENTRYPOINT ["sh", "-c", "exec /usr/bin/tf_serving_entrypoint.sh --rest_api_num_threads=$N"]\n', 3, THREADS),
    "config in TypeScript": ("s.ts", "const i = 'tensorflow/serving:2.20.0'\nconst c = `max_batch_size: 4\nnum_batch_threads { value: 2 }`\n", 2, BARE),
}  # fmt: skip


@each_row("place", PLACES)
def test_lint_reads(place, tmp_path):
    name, text, line, rule = PLACES[place]
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / "c").mkdir(exist_ok=True)
    (tmp_path / "c/Chart.yaml").write_text("apiVersion: v2\nname: tensorflow/serving\nversion: 1.0.0\n")
    (tmp_path / name).write_text(text)
    hits = examine(tmp_path).findings
    assert (name, line) in [(hit.path, hit.line) for hit in hits if hit.rule == rule]


def test_a_notebooks_lines_are_those_of_its_json(tmp_path):
    cells = [{"cell_type": "code", "source": ["x = 1\n"]}, {"cell_type": "code", "source": [f"!{RUN}\n"]}]
    text = json.dumps({"cells": cells}, indent=1)
    (tmp_path / "n.ipynb").write_text(text)
    line = next(number for number, each in enumerate(text.split("\n"), 1) if "docker run" in each)
    assert [hit.line for hit in examine(tmp_path).findings if hit.rule == THREADS] == [line]


def test_a_file_written_before_the_server_starts_is_right(tmp_path):
    write = "for i in 1 2; do sed -i 's/max_batch_size.*/x/' /etc/batching.config; done\n"
    (tmp_path / "run.sh").write_text(write + LINE + "\n")
    assert "batching-rewritten-in-place" not in {hit.rule for hit in examine(tmp_path).findings}
    (tmp_path / "run.sh").write_text(LINE + " &\n" + write)
    assert "batching-rewritten-in-place" in {hit.rule for hit in examine(tmp_path).findings}


def test_a_variable_that_a_shell_reads_is_not_literal(tmp_path):
    (tmp_path / "k.yaml").write_text(
        "kind: Pod\nspec:\n  containers:\n  - image: tensorflow/serving:2.20.0\n    env: [{name: M, value: leaf}]\n"
        '    args: ["--model_name=$(M)", "--model_base_path=/models/${M}"]\n'
    )
    words = [hit.message for hit in examine(tmp_path).findings if hit.rule == "literal-variable"]
    assert len(words) == 1
    assert words[0].startswith("${M} stays")


def test_a_line_that_helm_rendered_is_led_back_to_where_it_was_written(tmp_path):
    written = {
        "templates/d.yaml": "kind: Pod\nargs:\n- --model_name={{ .Values.name }}\n{{- range .Values.more }}\n- {{ . }}\n{{- end }}\n",
        "values.yaml": "name: m\nmore:\n- --enable_batchin\n",
    }
    texts = {tmp_path / name: Text(content, name) for name, content in written.items()}
    output = "---\n# Source: c/templates/d.yaml\nkind: Pod\nargs:\n- --model_name=m\n- --enable_batchin\n"
    (rendered,) = by_template(output, tmp_path, texts)
    places = {line: (path.name, number) for line, (path, number) in
              zip(rendered.content.split("\n"), rendered.origins, strict=True)}  # fmt: skip
    assert places["- --model_name=m"] == ("d.yaml", 3)
    assert places["- --enable_batchin"] == ("values.yaml", 3)


def test_a_chart_is_read_as_helm_renders_it(tmp_path):
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: c\nversion: 1.0.0\n")
    (tmp_path / "values.yaml").write_text("on: false\nthreads: 1\n")
    pod = "kind: Pod\nspec:\n  containers:\n  - image: tensorflow/serving:2.20.0\n    args:\n"
    (tmp_path / "templates/a.yaml").write_text(pod + "    - --rest_api_num_threads={{ .Values.threads }}\n")
    (tmp_path / "templates/b.yaml").write_text("{{ if .Values.on }}\n" + pod + "    - --port 9000\n{{ end }}\n")
    report = examine(tmp_path)
    assert [(hit.path, hit.line) for hit in report.findings if hit.rule == THREADS] == [("templates/a.yaml", 6)]
    assert report.passed["left out with the chart's values"] == ["templates/b.yaml"]


@each_row("section", ["data: text", "data: [a]", "data: {a: 1, b: null}", "items: 3", "data:\n{{ .Files.x }}"])
def test_a_config_map_of_an_odd_shape_is_no_crash(tmp_path, section):
    head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: model_config_list}\n"
    (tmp_path / "a.yaml").write_text(head + section + "\n")
    (tmp_path / "run.sh").write_text(
        "tensorflow_model_server --model_base_path=/m --rest_api_port=8501 --rest_api_num_threads=1\n"
    )
    assert THREADS in {hit.rule for hit in examine(tmp_path).findings}


def test_flags_of_the_server_before_the_image_are_dockers_to_refuse(tmp_path):
    line = "docker run --enable_batching -p 8501:8501 --model_config_file=/m/c tensorflow/serving:2.20.0 --rest_api_port=1\n"
    (tmp_path / "run.sh").write_text(line)
    hits = [hit for hit in examine(tmp_path).findings if hit.severity == "error"]
    assert {hit.rule for hit in hits} == {"flag-before-image", "config-file-missing", "port-nobody-listens"}
    before = [hit.message.split()[0] for hit in hits if hit.rule == "flag-before-image"]
    assert before == ["--enable_batching", "--model_config_file"]


def test_a_command_of_one_word_is_not_split_by_the_platform(tmp_path):
    head = "kind: Pod\nspec:\n  containers:\n  - name: s\n    image: tensorflow/serving:2.20.0\n"
    (tmp_path / "a.yaml").write_text(head + '    command: ["tensorflow_model_server --model_base_path=/models/m"]\n')
    errors = [(hit.rule, hit.line) for hit in examine(tmp_path).findings if hit.severity == "error"]
    assert errors == [("flags-in-one-word", 6), ("base-path-missing", 6)]


def test_a_surplus_bracket_hides_no_fault_before_it(tmp_path):
    (tmp_path / "batching.config").write_text("max_batch_size: 8\nnum_batch_threads { value: 0 }\n}\n")
    assert {"batching-bare-field", "batching-bad-number"} <= {hit.rule for hit in examine(tmp_path).findings}


ODD_ACTIONS = ['.Files.Get', '.Files.Glob ""', 'regexMatch "(" "a"', 'fromYaml "a: : b"', '"\\\\x"', "div 1 0", 'indent "a" 1',
               'b64dec "%"', "if", "range $x", 'trunc "a" 1', "lt 1 `a`", 'printf 1']  # fmt: skip


@each_row("action", ODD_ACTIONS)
def test_a_template_that_helm_would_refuse_is_read_as_far_as_it_goes(tmp_path, action):
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: c\nversion: 1.0.0\n")
    pod = (
        "kind: Pod\nspec:\n  containers:\n  - image: tensorflow/serving:2.20.0\n    args: [--rest_api_num_threads=1]\n"
    )
    (tmp_path / "templates/a.yaml").write_text(f"{pod}    workingDir: {{{{ {action} }}}}\n")
    assert THREADS in {hit.rule for hit in examine(tmp_path).findings}


@each_row(("copied", "missing"), [("/models/ranker_v1", True), ("/models/config", False), ("/srv/x", False)])
def test_an_image_with_a_model_of_another_name_beside_its_base_path_waits_for_ever(tmp_path, copied, missing):
    text = f"FROM tensorflow/serving:2.20.0\nCOPY it {copied}\nENV MODEL_NAME=ranker\n"
    (tmp_path / "Dockerfile").write_text(text)
    assert ("base-path-missing" in {hit.rule for hit in examine(tmp_path).findings}) is missing


def test_flags_in_the_values_of_another_environment_are_read_too(tmp_path):
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: c\nversion: 1.0.0\n")
    (tmp_path / "values.yaml").write_text("args: []\n")
    (tmp_path / "values-prod.yaml").write_text(
        "args:\n- --model_name=m\n- --rest_api_num_threads=1\n- --rest_api_port=8501\n"
    )
    pod = "kind: Pod\nspec:\n  containers:\n  - image: tensorflow/serving:2.20.0\n    args: {{ toYaml .Values.args | nindent 4 }}\n"
    (tmp_path / "templates/a.yaml").write_text(pod)
    assert ("values-prod.yaml", 3) in {
        (hit.path, hit.line) for hit in examine(tmp_path).findings if hit.rule == THREADS
    }


OWN = "FROM tensorflow/serving:2.20.0\nCOPY export /models/ranker\n"


@each_row("named", ["/models/ranker", "/models/ranker/", "/models/other"])
def test_an_image_of_ones_own_is_what_the_text_that_starts_it_makes_of_it(tmp_path, named):
    (tmp_path / "Dockerfile").write_text(OWN)
    (tmp_path / "run.sh").write_text(f"docker run me/ranker --model_name=ranker --model_base_path={named}\n")
    missing = {hit.path for hit in examine(tmp_path).findings if hit.rule == "base-path-missing"}
    assert missing == ({"Dockerfile"} if named == "/models/other" else set())


def test_a_service_with_a_dockerfile_that_is_not_here_takes_no_others_image(tmp_path):
    (tmp_path / "Dockerfile-serving").write_text("FROM tensorflow/serving:2.20.0\nCOPY models /models\n")
    (tmp_path / "compose.yaml").write_text(
        "services:\n  web:\n    build: {context: ., dockerfile: Dockerfile-web}\n    ports: ['5000:5000']\n"
    )
    assert "port-nobody-listens" not in {hit.rule for hit in examine(tmp_path).findings}


@each_row(
    ("text", "said"),
    [
        ("<of>tensorflow/serving:2.20.0</of>", True),
        ("<start>exec tensorflow_model_server</start>", True),
        ("<target>bazel build //model_servers:tensorflow_model_server --config=opt</target>", False),
        ("<proto>ModelConfigList model_config_list = 1;</proto>", False),
        ("<about>a mirror of tensorflow/serving kept in our registry</about>", False),
        ("<p>The process is called tensorflow_model_server there</p>", False),
    ],
)
def test_a_text_that_only_tells_of_the_server_is_passed_over_without_a_warning(tmp_path, text, said):
    (tmp_path / "about.xml").write_text(text + "\n")
    assert ("not-understood" in {hit.rule for hit in examine(tmp_path).findings}) is said


@each_row(
    "lines",
    [
        "path = str(path)",
        "path = f'{path}/more'",
        "path = path + ['--port=1']",
        "path = ' '.join(path)",
        "path = a\na = path.format(path)",
        "path += path + ['--port=1']",
    ],
)
def test_a_name_that_is_made_of_itself_is_no_endless_work(tmp_path, lines):
    text = f"import subprocess\n{lines}\nsubprocess.run([path, 'tensorflow_model_server', '--rest_api_port=8501', '--rest_api_num_threads=1', f'--model_base_path={{path}}'])\n"
    (tmp_path / "x.py").write_text(text)
    assert THREADS in {hit.rule for hit in examine(tmp_path).findings}


def test_a_sentence_about_flags_is_no_command_line(tmp_path):
    said = '"--enable_batching is ignored where --platform_config_file is not empty."'
    (tmp_path / "main.cc").write_text(f'Flag("a", "tensorflow_model_server: "\n     {said});\n')
    assert [hit.rule for hit in examine(tmp_path).findings] == []


def test_a_file_that_a_pods_script_writes_where_it_starts_is_there(tmp_path):
    script = 'echo \'model_config_list { config { name: "m" base_path: "/m" model_platform: "tensorflow" } }\' > list.config && tensorflow_model_server --model_config_file=list.config'
    pod = f"kind: Pod\nspec:\n  containers:\n  - image: tensorflow/serving:2.20.0\n    command: [sh, -c]\n    args:\n    - >-\n      {script}\n"
    (tmp_path / "pod.yaml").write_text(pod)
    assert "config-file-missing" not in {hit.rule for hit in examine(tmp_path).findings}

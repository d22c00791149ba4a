# ruff: noqa: E501  (tables of texts, one a line)
"""Forms in which people write a server's flags, its config files and its manifests: one way to write each piece.

A form is a path and a text whose `@` stands for the pieces: what stands between `@<` and `@>` is written for each
piece, with `@` in its place, and `@|` before `@>` divides what stands between two of them.
"""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

from playbook.lint.linter import examine

_EACH = re.compile(r"@<(.*?)@\|(.*?)@>", re.DOTALL)


def written(text, pieces):
    """The form's text with these pieces in it."""

    def repeat(match):
        return match[2].join(match[1].replace("@", piece) for piece in pieces)

    return _EACH.sub(repeat, text)


# what is said of nearly every text, and of a server whose flags alone are told
COMMON = {"monitoring-missing", "entrypoint-replaced", "no-drain", "no-probe"}


def found(path, text, before=(), common=frozenset(COMMON)):
    """What lint finds in a folder with this text: rule and line; of a chart where the path is a template's."""
    with TemporaryDirectory() as name:
        for shown, content in (*before, (path, text)):
            (Path(name) / shown).parent.mkdir(parents=True, exist_ok=True)
            (Path(name) / shown).write_text(content, newline="")
        hits = examine(Path(name)).findings
    return {(hit.rule, hit.line) for hit in hits if hit.severity != "note" and hit.rule not in common}


def line_of(text, piece):
    """The first line that holds a piece."""
    return next(number for number, line in enumerate(text.split("\n"), 1) if piece in line)


IMAGE = "tensorflow/serving:2.20.0"
BINARY = "tensorflow_model_server"
LINES, ROW = "@<@@| \\\n    @>", "@<@@| @>"
JSON, JSON_LINES = '@<"@"@|, @>', '@<"@"@|,\n      @>'
_RUN = f"docker run -p 8500:8500 -p 8501:8501 -v /data/models:/models {IMAGE} "
_COPIED = f"FROM {IMAGE}\nCOPY models/ /models/\n"
_SERVICE = (
    f"services:\n  tfs:\n    image: {IMAGE}\n    ports: ['8500:8500', '8501:8501']\n    volumes: ['./models:/models']\n"
)
_POD = (
    "apiVersion: apps/v1\nkind: {}\nmetadata: {{name: tfs}}\nspec:\n  selector: {{matchLabels: {{app: tfs}}}}\n  template:\n    metadata: {{labels: {{app: tfs}}}}\n    spec:\n      volumes: [{{name: m, persistentVolumeClaim: {{claimName: m}}}}]\n      containers:\n      - name: tfs\n        image: "
    + IMAGE
    + "\n        volumeMounts: [{{name: m, mountPath: /models}}]\n"
)
_LIST = "@<        - @@|\n@>\n"

FLAGS = {
    "Dockerfile, exec form": ("Dockerfile", _COPIED + f"CMD [{JSON}]\n"),
    "Dockerfile, exec form over lines": ("Dockerfile", _COPIED + 'CMD [@<"@"@|, \\\n  @>]\n'),
    "Dockerfile, entrypoint in shell form": ("Dockerfile", _COPIED + f"ENTRYPOINT {BINARY} {LINES}\n"),
    "Dockerfile, entrypoint and command": ("Dockerfile", _COPIED + f'ENTRYPOINT ["/usr/bin/{BINARY}"]\n# defaults\nCMD [{JSON}]\n'),
    "Dockerfile, command alone": ("Dockerfile", _COPIED + f"ENTRYPOINT []\nCMD {BINARY} {ROW}\n"),
    "Dockerfile, bash -c": ("Dockerfile", _COPIED + f'ENTRYPOINT ["/bin/bash", "-c"]\nCMD ["exec {BINARY} {ROW}"]\n'),
    "Dockerfile, script by echo": ("Dockerfile", _COPIED + f"RUN echo '#!/bin/bash \\n\\n\\\n{BINARY} @<@@| \\\n@> \\\n\"$@\"' > /usr/bin/tf_serving_entrypoint.sh \\\n&& chmod +x /usr/bin/tf_serving_entrypoint.sh\n"),
    "Dockerfile, script by printf": ("Dockerfile", _COPIED + f"RUN printf '#!/bin/sh\\nexec {BINARY} {ROW} \"$@\"\\n' > /start.sh\nENTRYPOINT [\"/start.sh\"]\n"),
    "Dockerfile, script by a here-document": ("Dockerfile", _COPIED + f"COPY --chmod=755 <<'EOF' /start.sh\n#!/bin/sh\nexec {BINARY} {LINES}\nEOF\nENTRYPOINT [\"/start.sh\"]\n"),
    "Dockerfile, last of two stages": ("Dockerfile", f"FROM python:3.11 AS build\nRUN python train.py\n\nFROM {IMAGE}\nCOPY --from=build /out /models\nCMD [{JSON}]\n"),
    "docker run": ("run.sh", f"#!/bin/sh\n{_RUN}{LINES}\nsleep 3\n"),
    "docker run by a variable": ("run.sh", f'FLAGS="{LINES}"\n\nsleep 1\n\n{_RUN}$FLAGS\n'),
    "docker run by a variable that grows": ("run.sh", f'A=""\n@<A+=" @"@|\n@>\nsleep 1\n\n{_RUN}$A\n'),
    "docker run by an array": ("run.sh", f'args=(\n@<  @@|\n@>\n)\n{_RUN}"${{args[@]}}"\n'),
    "docker run of the binary": ("run.sh", _RUN.replace(IMAGE, f"--entrypoint {BINARY} {IMAGE}") + LINES + "\n"),
    "docker run by a Makefile": ("Makefile", f"serve:\n\t@{_RUN}{LINES}\n"),
    "docker run by a variable of make's": ("Makefile", f"FLAGS := {LINES}\n\n\nserve:\n\t{_RUN}$(FLAGS)\n"),
    "docker run in Markdown": ("README.md", f"# Serve\n\n```bash\n{_RUN}{LINES}\n```\n"),
    "docker run in an indented block": ("README.md", f"# Serve\n\n    $ {_RUN}@<@@| \\\n        @>\n\nDone.\n"),
    "docker run in reStructuredText": ("s.rst", f"Serve\n=====\n\n.. code-block:: bash\n\n   {_RUN}{LINES}\n"),
    "docker run in AsciiDoc": ("s.adoc", f"== Serve\n\n[source,bash]\n----\n{_RUN}{LINES}\n----\n"),
    "docker run in a docstring": ("c.py", f'"""Ask.\n\nStart it first:\n\n    {_RUN}@<@@| \\\n      @>\n"""\nimport requests\n'),
    "docker run in a batch file": ("run.bat", f"@echo off\r\n{_RUN}@<@@| ^\r\n  @>\r\n"),
    "docker run in PowerShell": ("run.ps1", f"{_RUN}@<@@| `\n  @>\n"),
    "docker run in a workflow": (".github/workflows/t.yml", f"on: push\njobs:\n  t:\n    runs-on: u\n    steps:\n    - run: |\n        {_RUN}{LINES.replace('    @>', '          @>')}\n"),
    "docker run in a folded step": (".gitlab-ci.yml", f"t:\n  script:\n  - >\n    {_RUN}\n    @<@@|\n    @>\n"),
    "docker run in a pipeline": ("Jenkinsfile", f"node {{\n  sh '''\n    {_RUN}{LINES}\n  '''\n}}\n"),
    "docker run by Python": ("s.py", "import subprocess\nsubprocess.run([" + ", ".join(f"'{word}'" for word in _RUN.split()) + ",\n@<  '@',@|\n@>\n])\n"),
    "compose, a list": ("c.yml", _SERVICE + "    command:\n@<      - @@|\n@>\n"),
    "compose, a list in brackets": ("c.yml", _SERVICE + "    command: [@<'@'@|, @>]\n"),
    "compose, one line": ("c.yml", _SERVICE + f"    command: {ROW}\n"),
    "compose, folded": ("c.yml", _SERVICE + "    command: >\n@<      @@|\n@>\n"),
    "compose, plain lines": ("c.yml", _SERVICE + "    command:\n@<      @@|\n@>\n"),
    "compose, sh -c": ("c.yml", _SERVICE + f"    entrypoint: [/bin/sh, -c]\n    command:\n    - |\n      exec {BINARY} @<@@| \\\n        @>\n"),
    "compose, an anchor": ("c.yml", "x-flags: &flags\n@<  - @@|\n@>\n" + _SERVICE + "    command: *flags\n"),
    "Ansible's container": ("t.yml", f"- hosts: a\n  tasks:\n  - docker_container:\n      image: {IMAGE}\n      volumes: ['/data/models:/models']\n      command:\n{_LIST}"),
    "Ansible's shell": ("t.yml", f"- hosts: a\n  tasks:\n  - shell: |\n      nohup {BINARY} @<@@| \\\n        @> &\n"),
    "a Deployment's args": ("k.yaml", _POD.format("Deployment") + f"        args:\n{_LIST}"),
    "a StatefulSet's command": ("k.yaml", _POD.format("StatefulSet") + f"        command:\n        - {BINARY}\n{_LIST}"),
    "a pod's script": ("k.yaml", _POD.format("Deployment") + f"        command: [sh, -c]\n        args:\n        - |\n          exec {BINARY} @<@@| \\\n            @>\n"),
    "a pod's folded script": ("k.yaml", _POD.format("Deployment") + f"        command: [sh, -c]\n        args:\n        - >-\n          {BINARY}\n          @<@@|\n          @>\n"),
    "a manifest with gaps of Jinja's": ("k.yaml.j2", _POD.format("Deployment").replace("{name: tfs}", '{name: "{{ app }}"}') + f"        args:\n{_LIST}"),
    "a here-document for kubectl": ("d.sh", "kubectl apply -f - <<EOF\n" + _POD.format("Deployment") + f"        args:\n{_LIST}EOF\n"),
    "an operator of Airflow's": ("d.py", f"KubernetesPodOperator(task_id='t', image='{IMAGE}', arguments=[\n@<  '@',@|\n@>\n])\n"),
    "the client of Kubernetes": ("d.py", f"c = client.V1Container(name='t', image='{IMAGE}', volume_mounts=m, args=[\n@<  '@',@|\n@>\n])\n"),
    "the docker SDK": ("s.py", f"import docker\ndocker.from_env().containers.run('{IMAGE}', volumes={{'/data/models': {{'bind': '/models'}}}}, command=[\n@<  '@',@|\n@>\n])\n"),
    "a process of Python's": ("s.py", f"import subprocess\nsubprocess.Popen([\n  '{BINARY}',\n@<  '@',@|\n@>\n])\n"),
    "a text of Python's": ("s.py", f"import os\nos.system(\n  '{BINARY} '\n@<  '@ '@|\n@>\n)\n"),
    "items added in Python": ("s.py", f"c = ['{BINARY}']\n@<c.append('@')@|\n@>\nrun(c)\n"),
    "a process of JavaScript's": ("s.js", f"spawn('{BINARY}', [\n@<  '@',@|\n@>\n]);\n"),
    "a process of Go's": ("s.go", f"package main\n\nfunc main() {{\n\texec.Command(\"{BINARY}\",\n@<\t\t\"@\",@|\n@>\n\t)\n}}\n"),
    "a shell's line": ("s.sh", f"nohup {BINARY} {LINES} > log 2>&1 &\n"),
    "a unit of systemd's": ("s.service", f"[Service]\nExecStart=/usr/bin/{BINARY} {LINES}\n"),
    "a program of supervisord's": ("s.ini", f"[program:t]\ncommand={BINARY}\n@<  @@|\n@>\n"),
    "a cell of a notebook's": ("n.ipynb", '{"cells": [{"cell_type": "code", "source": [\n "!' + BINARY + ' \\\\\\n",\n@< "  @ \\\\\\n",@|\n@>\n "  --num_load_threads=1\\n"]}]}\n'),
    "Terraform's container": ("m.tf", f'resource "docker_container" "t" {{\n  image = "{IMAGE}"\n  volumes {{\n    host_path = "/data/models"\n    container_path = "/models"\n  }}\n  command = [\n@<    "@",@|\n@>\n  ]\n}}\n'),
    "Terraform's Deployment": ("m.tf", f'resource "kubernetes_deployment" "t" {{\n  spec {{\n    template {{\n      spec {{\n        container {{\n          image = "{IMAGE}"\n          args = [\n@<            "@",@|\n@>\n          ]\n        }}\n      }}\n    }}\n  }}\n}}\n'),
    "a task of ECS": ("t.json", f'{{"containerDefinitions": [{{"image": "{IMAGE}", "command": [\n      {JSON_LINES}\n]}}]}}\n'),
    "a task of Nomad's": ("t.nomad", f'job "t" {{\n  group "g" {{\n    task "s" {{\n      driver = "docker"\n      config {{\n        image = "{IMAGE}"\n        args = [\n@<          "@",@|\n@>\n        ]\n      }}\n    }}\n  }}\n}}\n'),
    "a virtual machine's container": ("v.sh", f"gcloud compute instances create-with-container t --container-image={IMAGE} --container-mount-host-path=mount-path=/models,host-path=/srv \\\n@<  --container-arg=\"@\"@| \\\n@>\n"),
}  # fmt: skip

_READ = "--batching_parameters_file=/etc/tfs/b.conf --enable_batching=true --rest_api_port=8501 --model_base_path=/models/m --rest_api_num_threads=96 --grpc_max_threads=96"
_MADE = f"FROM {IMAGE}\nCOPY models /models\n"
_COMMAND = "CMD [" + ", ".join(f'"{word}"' for word in _READ.split()) + "]\n"
_MOUNTED = f"docker run -p 8501:8501 -v /data/models:/models -v $PWD/c:/etc/tfs {IMAGE} {_READ}\n"

FILES = {
    "alone, .config": ("b.config", "@<@@|\n@>\n"),
    "alone, .txt": ("c/b.txt", "@<@@|\n@>\n"),
    "alone, .pbtxt": ("b.pbtxt", "@<@@|\n@>\n"),
    "alone, no suffix": ("batching_parameters", "@<@@|\n@>\n"),
    "a here-document of a Dockerfile's": ("Dockerfile", _MADE + f"COPY <<EOF /etc/tfs/b.conf\n@<@@|\n@>\nEOF\n{_COMMAND}"),
    "lines by echo in a Dockerfile": ("Dockerfile", _MADE + f"RUN @<echo '@' >> /etc/tfs/b.conf@| && \\\n  @>\n{_COMMAND}"),
    "a here-document": ("r.sh", f"mkdir c\ncat > c/b.conf <<'EOF'\n@<@@|\n@>\nEOF\n{_MOUNTED}"),
    "a here-document of tee's": ("r.sh", f"sudo tee /etc/tfs/b.conf > /dev/null <<EOF\n@<@@|\n@>\nEOF\n{BINARY} {_READ}\n"),
    "lines by echo": ("r.sh", f"@<echo '@' >> /etc/tfs/b.conf@|\n@>\n{BINARY} {_READ}\n"),
    "a quoted text by echo": ("r.sh", f"echo '@<@@|\n@>' > /etc/tfs/b.conf\n{BINARY} {_READ}\n"),
    "a shell's variable": ("r.sh", f"C='@<@@|\n@>'\nsleep 1\n\necho \"$C\" > /etc/tfs/b.conf\n{BINARY} {_READ}\n"),
    "a text that Python writes": ("w.py", f"with open('/etc/tfs/b.conf', 'w') as f:\n    f.write('''@<@@|\n@>\n''')\nos.system('{BINARY} {_READ}')\n"),
    "lines that Python writes": ("w.py", f"with open('/etc/tfs/b.conf', 'w') as f:\n@<    f.write('@\\n')@|\n@>\nos.system('{BINARY} {_READ}')\n"),
    "a path that Python writes": ("w.py", f"Path('/etc/tfs/b.conf').write_text(\n@<    '@\\n'@|\n@>\n)\nos.system('{BINARY} {_READ}')\n"),
    "lines that Python joins": ("w.py", f"rows = [\n@<    '@',@|\n@>\n]\nopen('/etc/tfs/b.conf', 'w').write('\\n'.join(rows))\nos.system('{BINARY} {_READ}')\n"),
    "content of compose's": ("c.yml", _SERVICE + f"    configs: [{{source: b, target: /etc/tfs/b.conf}}]\n    command: {_READ}\nconfigs:\n  b:\n    content: |\n@<      @@|\n@>\n"),
    "a ConfigMap": ("k.yaml", _POD.format("Deployment").replace("volumes: [", "volumes: [{name: c, configMap: {name: c}}, ").replace("volumeMounts: [", "volumeMounts: [{name: c, mountPath: /etc/tfs}, ") + "        args:\n" + "".join(f"        - {word}\n" for word in _READ.split()) + "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  b.conf: |\n@<    @@|\n@>\n"),
    "a script of a pod's": ("k.yaml", _POD.format("Deployment") + f"        command: [bash, -c]\n        args:\n        - |\n          cat > /etc/tfs/b.conf <<'EOF'\n@<          @@|\n@>\n          EOF\n          exec {BINARY} {_READ}\n"),
    "content of Ansible's": ("t.yml", f"- copy:\n    dest: /etc/tfs/b.conf\n    content: |\n@<      @@|\n@>\n- command: {BINARY} {_READ}\n"),
    "a file of cloud-init's": ("u.yaml", f"#cloud-config\nwrite_files:\n- path: /etc/tfs/b.conf\n  content: |\n@<    @@|\n@>\nruncmd:\n- {BINARY} {_READ}\n"),
    "a ConfigMap of Terraform's": ("c.tf", 'resource "kubernetes_config_map" "c" {\n  data = {\n    "b.conf" = <<-EOT\n@<      @@|\n@>\n    EOT\n  }\n}\n'),
    "a block in Markdown": ("README.md", f"The file `b.conf`:\n\n```proto\n@<@@|\n@>\n```\n\n```sh\n{BINARY} {_READ}\n```\n"),
    "a block in reStructuredText": ("x.rst", "The file\n\n.. code-block:: text\n\n@<   @@|\n@>\n\nDone.\n"),
    "a step of a workflow's": (".github/workflows/t.yml", f"on: push\njobs:\n  t:\n    runs-on: u\n    steps:\n    - run: |\n        cat > c/b.conf <<EOF\n@<        @@|\n@>\n        EOF\n        {_MOUNTED}"),
    "a text of JavaScript's": ("w.js", "const image = 'tensorflow/serving:2.20.0'\nfs.writeFileSync('/etc/tfs/b.conf', `@<@@|\n@>\n`)\n"),
}  # fmt: skip

# path, head, the text of each object, and foot
MANIFESTS = {
    "a manifest": ("k.yaml", "", "@<@@|\n@>\n---\n", ""),
    "a here-document for kubectl": ("d.sh", "cat <<'EOF' | kubectl apply -f -\n", "@<@@|\n@>\n---\n", "EOF\n"),
    "a block in Markdown": ("README.md", "# Deploy\n\n```yaml\n", "@<@@|\n@>\n---\n", "```\n"),
    "tasks of Ansible's": ("p.yml", "- hosts: l\n  tasks:\n", "  - kubernetes.core.k8s:\n      state: present\n      definition:\n@<        @@|\n@>\n", ""),
    "a text of Python's": ("d.py", 'import yaml\n\nTEXT = """\n', "---\n@<@@|\n@>\n", '"""\nobjects = yaml.safe_load_all(TEXT)\n'),
    "a template of a chart's": ("templates/a.yaml", "", "---\n@<@@|\n@>\n", ""),
    "a List": ("k.yaml", "apiVersion: v1\nkind: List\nitems:\n", "-\n@<  @@|\n@>\n", ""),
}  # fmt: skip

SCRIPTS = {
    "a script": ("r.sh", "#!/bin/bash\nset -e\n\n@<@@|\n@>\necho done\n"),
    "a function": ("r.sh", "start() {\n@<  @@|\n@>\n}\nstart\n"),
    "a recipe": ("Makefile", "run:\n@<\t@@|\n@>\n"),
    "a fence": ("README.md", "# Run\n\n```bash\n@<@@|\n@>\n```\n"),
    "a fence in a list": ("README.md", "1. Do:\n\n   ```shell\n@<   @@|\n@>\n   ```\n"),
    "an indented block": ("README.md", "# Run\n\nDo:\n\n@<    @@|\n@>\n\nend\n"),
    "reStructuredText": ("s.rst", "Run\n===\n\nDo::\n\n@<    @@|\n@>\n\nend\n"),
    "HTML": ("s.html", "<html><body>\n<pre><code>@<@@|\n@></code></pre></body></html>\n"),
    "a step": (".github/workflows/t.yml", "on: push\njobs:\n  t:\n    runs-on: u\n    steps:\n    - run: |\n@<        @@|\n@>\n"),
    "a pipeline": ("Jenkinsfile", "node {\n  sh '''\n@<    @@|\n@>\n  '''\n}\n"),
    "a task": ("t.yml", "- hosts: a\n  tasks:\n  - shell: |\n@<      @@|\n@>\n"),
    "cloud-init": ("u.yaml", "#cloud-config\nruncmd:\n- |\n@<  @@|\n@>\n"),
    "Terraform": ("m.tf", 'resource "aws_instance" "a" {\n  user_data = <<-EOF\n    #!/bin/bash\n@<    @@|\n@>\n  EOF\n}\n'),
    "CloudFormation": ("c.yaml", "Resources:\n  Vm:\n    Properties:\n      UserData:\n        Fn::Base64: !Sub |\n          #!/bin/bash\n@<          @@|\n@>\n"),
    "Vagrant": ("Vagrantfile", "Vagrant.configure('2') do |c|\n  c.vm.provision 'shell', inline: <<-SHELL\n@<    @@|\n@>\n  SHELL\nend\n"),
    "ssh": ("d.sh", "ssh host 'bash -s' <<'EOF'\n@<@@|\n@>\nEOF\n"),
    "a script that is written": ("d.sh", "cat > /opt/start.sh <<'EOF'\n#!/bin/bash\n@<@@|\n@>\nEOF\n"),
}  # fmt: skip

# scripts that a container of the server's image runs
INSIDE = {
    "a Dockerfile's script": ("Dockerfile", f"FROM {IMAGE}\nCOPY models /models\nCOPY <<'EOF' /s.sh\n#!/bin/bash\n@<@@|\n@>\nEOF\nENTRYPOINT [\"bash\", \"/s.sh\"]\n"),
    "a pod's script": ("k.yaml", _POD.format("Deployment") + "        command: [bash, -c]\n        args:\n        - |\n@<          @@|\n@>\n"),
    "compose's script": ("c.yml", _SERVICE + "    entrypoint: [bash, -c]\n    command:\n    - |\n@<      @@|\n@>\n"),
}  # fmt: skip

DOCKERFILES = {
    "a Dockerfile": ("Dockerfile", "@<@@|\n@>\n"),
    "a Dockerfile of another name": ("docker/Dockerfile.prod", "@<@@|\n@>\n"),
    "a Dockerfile of Windows": ("Dockerfile", "@<@@|\r\n@>\r\n"),
    "a fence": ("README.md", "# Image\n\n```dockerfile\n@<@@|\n@>\n```\n"),
    "a fence without a name": ("README.md", "# Image\n\n```\n@<@@|\n@>\n```\n"),
    "an indented block": ("README.md", "# Image\n\nWrite:\n\n@<    @@|\n@>\n\nend\n"),
    "a here-document": ("b.sh", "cat > Dockerfile <<'EOF'\n@<@@|\n@>\nEOF\n"),
    "a build's input": ("b.sh", "docker build -t x -f - . <<'EOF'\n@<@@|\n@>\nEOF\n"),
    "compose": ("c.yml", "services:\n  t:\n    build:\n      context: .\n      dockerfile_inline: |\n@<        @@|\n@>\n"),
    "a step": (".github/workflows/t.yml", "on: push\njobs:\n  t:\n    runs-on: u\n    steps:\n    - run: |\n        cat > Dockerfile <<'EOF'\n@<        @@|\n@>\n        EOF\n"),
    "a ConfigMap": ("k.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata:\n  Dockerfile: |\n@<    @@|\n@>\n"),
}  # fmt: skip

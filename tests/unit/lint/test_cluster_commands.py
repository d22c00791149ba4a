# ruff: noqa: E501  (tables of texts)
"""Commands and calls that start or change a server elsewhere are read: kubectl, oc, helm, apptainer, clients in Python."""

from tables import each_row

from playbook.lint.linter import examine

IMAGE = "tensorflow/serving:2.20.0"
THREADS, ENV, RELATIVE = "rest-threads-one", "env-nobody-reads", "relative-base-path"
CONFIG = 'model_config_list { config { name: "a" base_path: "/models/a" model_platform: "tensorflow" } }\n'
POD = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  containers:\n  - name: s\n    image: {IMAGE}\n    args: [--model_config_file=/c/%s]\n    volumeMounts: [{{name: c, mountPath: /c}}, {{name: m, mountPath: /models}}]\n  volumes: [{{name: c, configMap: {{name: tfs}}}}, {{name: m, persistentVolumeClaim: {{claimName: m}}}}]\n"
LINE = "tensorflow_model_server --rest_api_port=8501 --model_base_path=models/m\n"
# what it is -> the files, the place and rule of the finding
READ = {
    "kubectl set env": ({"r.sh": "kubectl set env deployment/s MODEL_NAME=m TF_SERVING_X=1\n"}, ("r.sh", 1, ENV)),
    "kubectl patch": ({"r.sh": 'kubectl patch deployment s -p \'{"spec":{"containers":[{"name":"s","args":["--rest_api_num_threads=1"]}]}}\'\n'}, ("r.sh", 1, THREADS)),
    "kubectl run with a command": ({"r.sh": f"kubectl run s --image={IMAGE} --command -- {LINE}"}, ("r.sh", 1, RELATIVE)),
    "kubectl run with variables": ({"r.sh": f"kubectl run s --image={IMAGE} --env=TF_SERVING_X=1\n"}, ("r.sh", 1, ENV)),
    "a ConfigMap of a file": ({"r.sh": "kubectl create configmap tfs --from-file=models.config=conf/live.cfg\n", "conf/live.cfg": CONFIG, "p.yaml": POD % "model.config"}, ("p.yaml", 8, "configmap-key-missing")),
    "a ConfigMap of a folder": ({"Makefile": "maps:\n\tkubectl create configmap tfs --from-file=conf/\n", "conf/models.config": CONFIG, "p.yaml": POD % "list.config"}, ("p.yaml", 8, "configmap-key-missing")),
    "a ConfigMap of what is printed": ({"README.md": '```sh\nkubectl create configmap tfs --from-literal=models.config="$(cat m.config)"\n```\n', "m.config": CONFIG, "p.yaml": POD % "list.config"}, ("p.yaml", 8, "configmap-key-missing")),
    "oc new-app": ({"r.sh": f"oc new-app {IMAGE} -e MODEL_CONFIG_FILE=/c\n"}, ("r.sh", 1, ENV)),
    "helm's flags": ({"r.sh": "helm install s ./c --set 'args={--model_name=m,--rest_api_num_threads=1}'\n"}, ("r.sh", 1, THREADS)),
    "helm's image": ({"r.sh": "helm install s ./c --set image.repository=tensorflow/serving --set image.tag=latest\n"}, ("r.sh", 1, "image-not-pinned")),
    "nerdctl in a namespace": ({"r.sh": f"nerdctl --namespace k8s.io run {IMAGE} --rest_api_num_threads=1\n"}, ("r.sh", 1, THREADS)),
    "docker service with a config": ({"r.sh": f"docker service create --config source=a,target=/c/list {IMAGE} --model_config_file=/c/models\n"}, ("r.sh", 1, "config-file-missing")),
    "apptainer of a file": ({"r.sh": f"apptainer pull s.sif docker://{IMAGE}\napptainer run s.sif --rest_api_num_threads=1\n"}, ("r.sh", 2, THREADS)),
    "apptainer's instance": ({"r.sh": f"apptainer instance start docker://{IMAGE} s --rest_api_num_threads=1\n"}, ("r.sh", 1, THREADS)),
    "singularity exec": ({"r.sh": f"singularity exec -B /m:/models s.sif {LINE}"}, ("r.sh", 1, RELATIVE)),
    "docker exec": ({"r.sh": f"docker exec -d box bash -c '{LINE.strip()}'\n"}, ("r.sh", 1, RELATIVE)),
    "kubectl exec": ({"r.sh": f"kubectl exec -it pod/s -- {LINE}"}, ("r.sh", 1, RELATIVE)),
    "client of Kubernetes": ({"x.py": f"c = client.V1Container(name='s', image='{IMAGE}',\n  readiness_probe=client.V1Probe(http_get=client.V1HTTPGetAction(path='/health', port=8501)))\n"}, ("x.py", 2, "probe-wrong-path")),
    "client, variables": ({"x.py": f"c = V1Container(name='s', image='{IMAGE}',\n  env=[V1EnvVar(name='TF_SERVING_X', value='1')])\nspec = V1PodSpec(containers=[c])\n"}, ("x.py", 2, ENV)),
    "Pulumi": ({"x.py": f"d = Deployment('s', spec=DeploymentSpecArgs(template=PodTemplateSpecArgs(spec=PodSpecArgs(containers=[\n  ContainerArgs(name='s', image='{IMAGE}', ports=[ContainerPortArgs(container_port=8600)],\n    args=['--rest_api_num_threads=1'])]))))\n"}, ("x.py", 3, THREADS)),
    "CDK": ({"x.py": f"task.add_container('s', image=ecs.ContainerImage.from_registry('{IMAGE}'),\n  port_mappings=[ecs.PortMapping(container_port=8600)])\n"}, ("x.py", 2, "port-nobody-listens")),
    "Airflow": ({"x.py": f"KubernetesPodOperator(task_id='s', image='{IMAGE}',\n  arguments=['--rest_api_num_threads=1'])\n"}, ("x.py", 2, THREADS)),
    "Azure ML": ({"x.py": f"e = Environment(image='{IMAGE}', inference_config={{'scoring_route': {{'port': 8600, 'path': '/v1'}}}})\nd = ManagedOnlineDeployment(name='d', environment=e,\n  environment_variables={{'TF_SERVING_X': '1'}})\n"}, ("x.py", 3, ENV)),
    "Vertex AI": ({"x.py": f"m = Model.upload(serving_container_image_uri='{IMAGE}',\n  serving_container_args=['--model_config_file', '/c'])\n"}, ("x.py", 2, "model-lost")),
    "SageMaker": ({"x.py": f"m = Model(image_uri='{IMAGE}',\n  env={{'TF_SERVING_X': '1'}})\n"}, ("x.py", 2, ENV)),
}  # fmt: skip


def found(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return {(hit.path, hit.line, hit.rule) for hit in examine(folder).findings}


@each_row("what", READ)
def test_a_command_or_call_is_read(what, tmp_path):
    files, expected = READ[what]
    assert expected in found(tmp_path, files)


RIGHT = {
    "a ConfigMap of a file": {"r.sh": "kubectl create configmap tfs --from-file=models.config=conf/live.cfg\n", "conf/live.cfg": CONFIG, "p.yaml": POD % "models.config"},
    "a ConfigMap of a file that is not here": {"r.sh": "kubectl create configmap tfs --from-file=$FILE --from-file=x.config\n", "p.yaml": POD % "models.config"},
    "variables of another workload": {"r.sh": "kubectl set env deployment/web BATCH_SIZE=8 MODEL_DIR=/m\n"},
    "docker service with a config": {"r.sh": f"docker service create --config source=a,target=/c/models {IMAGE} --model_config_file=/c/models\n"},
    "another program of an image's file": {"r.sh": "singularity exec s.sif python train.py --port=1\n"},
    "a sound container of a client": {"x.py": f"c = client.V1Container(name='s', image='{IMAGE}', args=['--model_name=m'],\n  env=[client.V1EnvVar(name='MODEL_NAME', value='m')], ports=[client.V1ContainerPort(container_port=8501)],\n  readiness_probe=client.V1Probe(tcp_socket=client.V1TCPSocketAction(port=8501)))\n"},
    "a sound task of CDK": {"x.py": f"task.add_container('s', image=ecs.ContainerImage.from_registry('{IMAGE}'), environment={{'MODEL_NAME': 'm'}},\n  port_mappings=[ecs.PortMapping(container_port=8501)])\n"},
}  # fmt: skip


@each_row("what", RIGHT)
def test_a_sound_command_or_call_is_not_blamed(what, tmp_path):
    usual = {"monitoring-missing", "no-drain", "no-probe"}
    assert {each for each in found(tmp_path, RIGHT[what]) if each[2] not in usual} == set()

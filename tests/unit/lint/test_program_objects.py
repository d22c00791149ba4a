# ruff: noqa: E501  (a table of texts)
"""Containers that programs write out are read as manifests are: Go, TypeScript, Java, Kotlin, C#."""

from tables import each_row

from playbook.lint.linter import examine

THREADS, RELATIVE = "rest-threads-one", "relative-base-path"
IMAGE = "tensorflow/serving:2.20.0"
GO = f"""package main
const image = "{IMAGE}"
func deploy(ns string) *appsv1.Deployment {{
	labels := map[string]string{{"app": "tfs"}}
	return &appsv1.Deployment{{
		ObjectMeta: metav1.ObjectMeta{{Name: "tfs", Namespace: ns}},
		Spec: appsv1.DeploymentSpec{{
			Replicas: int32Ptr(2),
			Template: corev1.PodTemplateSpec{{
				ObjectMeta: metav1.ObjectMeta{{Labels: labels}},
				Spec: corev1.PodSpec{{Containers: []corev1.Container{{{{
					Image: image,
					Args: []string{{
						"--rest_api_num_threads=1",
					}},
					Ports: []corev1.ContainerPort{{{{ContainerPort: 9000}}}},
					ReadinessProbe: &corev1.Probe{{ProbeHandler: corev1.ProbeHandler{{
						HTTPGet: &corev1.HTTPGetAction{{Path: "/health", Port: intstr.FromInt(8501)}},
					}}}},
					Env: []corev1.EnvVar{{{{Name: "MODEL_CONFIG_FILE", Value: "/c"}}}},
					Resources: corev1.ResourceRequirements{{Limits: corev1.ResourceList{{corev1.ResourceCPU: resource.MustParse("2")}}}},
				}}}}}},
			}},
		}},
	}}
}}
func service() *corev1.Service {{
	return &corev1.Service{{
		ObjectMeta: metav1.ObjectMeta{{Name: "tfs"}},
		Spec: corev1.ServiceSpec{{
			Selector: map[string]string{{"app": "tfs"}},
			Ports: []corev1.ServicePort{{{{Port: 80, TargetPort: intstr.IntOrString{{Type: intstr.Int, IntVal: 8080}}}}}},
		}},
	}}
}}
"""
GO_FOUND = {(THREADS, 14), ("port-told-closed", 16), ("probe-wrong-path", 18), ("env-nobody-reads", 20),
            ("cpu-limit-threads", 14), ("service-port-closed", 32)}  # fmt: skip
# what it is -> file, text, what is found there
WRITTEN = {
    "Go: objects of a cluster": ("m.go", GO, GO_FOUND),
    "Go: a container alone": ("m.go", f'package main\nvar c = corev1.Container{{Image: "{IMAGE}",\n  Command: []string{{"/usr/bin/tensorflow_model_server"}},\n  Args: []string{{"--model_base_path=m"}}}}\n', {(RELATIVE, 4)}),
    "Go: docker's client": ("m.go", f'package main\nfunc f() {{\n  cli.ContainerCreate(ctx, &container.Config{{\n    Image: "{IMAGE}",\n    Cmd: []string{{"--model_config_file", "/c"}},\n    Env: []string{{"TF_SERVING_X=1"}},\n  }}, nil)\n}}\n', {("model-lost", 5), ("env-nobody-reads", 6)}),
    "Go: testcontainers": ("m_test.go", f'package main\nvar r = testcontainers.ContainerRequest{{\n  Image: "{IMAGE}",\n  ExposedPorts: []string{{"8600/tcp"}},\n  Cmd: []string{{"--rest_api_num_threads=1"}},\n}}\n', {("port-nobody-listens", 4), (THREADS, 5)}),
    "Go: an object without types": ("m.go", f'package main\nvar d = map[string]interface{{}}{{\n  "kind": "Pod",\n  "spec": map[string]interface{{}}{{"containers": []interface{{}}{{map[string]interface{{}}{{\n    "image": "{IMAGE}",\n    "args": []interface{{}}{{"--rest_api_num_threads=1"}},\n  }}}}}},\n}}\n', {(THREADS, 6)}),
    "Go: an image with its tag apart": ("m.go", 'package main\nvar o = &dockertest.RunOptions{Repository: "tensorflow/serving", Tag: "2.20.0",\n  Env: []string{"TF_SERVING_X=1"}}\n', {("env-nobody-reads", 3)}),
    "Pulumi": ("i.ts", f'const d = new k8s.apps.v1.Deployment("s", {{ spec: {{ template: {{ spec: {{\n  containers: [{{ name: "s", image: "{IMAGE}",\n    args: ["--model_base_path=m"],\n    livenessProbe: {{ httpGet: {{ path: "/health", port: 8501 }} }} }}] }} }} }} }});\n', {(RELATIVE, 3), ("probe-wrong-path", 4)}),
    "CDK": ("i.ts", f"task.addContainer('s', {{\n  image: ecs.ContainerImage.fromRegistry('{IMAGE}'),\n  command: ['--rest_api_num_threads=1'],\n  environment: {{ TF_SERVING_X: '1' }},\n  portMappings: [{{ containerPort: 8600 }}],\n}});\n", {(THREADS, 3), ("env-nobody-reads", 4), ("port-nobody-listens", 5)}),
    "Java: a cluster's client": ("D.java", f'class D {{\n  static final String IMAGE = "{IMAGE}";\n  V1Container c = new V1Container().image(IMAGE)\n    .args(Arrays.asList("--rest_api_num_threads=1"))\n    .addEnvItem(new V1EnvVar().name("MODEL_CONFIG_FILE").value("/c"));\n  V1PodSpec s = new V1PodSpec().containers(List.of(c));\n}}\n', {(THREADS, 4), ("env-nobody-reads", 5)}),
    "Java: builders inside builders": ("D.java", f'class D {{ Deployment d = new DeploymentBuilder().withNewSpec().withNewTemplate().withNewSpec()\n    .addNewContainer().withName("s").withImage("{IMAGE}")\n    .withArgs("--rest_api_num_threads=1")\n    .addNewPort().withContainerPort(8600).endPort()\n    .endContainer().endSpec().endTemplate().endSpec().build(); }}\n', {(THREADS, 3), ("port-told-closed", 4)}),
    "Java: testcontainers": ("T.java", f'class T {{ GenericContainer<?> s = new GenericContainer<>(DockerImageName.parse("{IMAGE}"))\n    .withExposedPorts(8600)\n    .withEnv("TF_SERVING_X", "1")\n    .withCommand("--rest_api_num_threads=1"); }}\n', {("port-nobody-listens", 2), ("env-nobody-reads", 3), (THREADS, 4)}),
    "Kotlin": ("T.kt", f'val s = GenericContainer("{IMAGE}")\n    .withExposedPorts(8600)\n    .withCommand("--model_base_path=m")\n', {("port-nobody-listens", 2), (RELATIVE, 3)}),
    "Jsonnet: a part that a condition makes": ("t.libsonnet", f'{{\n  local c = {{\n    image: "{IMAGE}",\n    args: ["--rest_api_num_threads=1", "--model_base_path=" + p.base],\n    resources: {{\n      limits: {{ cpu: "4", memory: "4Gi" }} + if p.gpus != "0" then {{ "nvidia.com/gpu": p.gpus }} else {{}},\n      requests: {{ cpu: "1", memory: "1Gi" }},\n    }},\n  }},\n  local d = {{ apiVersion: "apps/v1", kind: "Deployment", metadata: {{ name: p.name }}, spec: {{ template: {{ spec: {{ containers: [c] }} }} }} }},\n}}\n', {(THREADS, 4)}),
    "C#": ("P.cs", f'var d = new Deployment("d", new DeploymentArgs {{ Spec = new PodSpecArgs {{ Containers = new[] {{ new ContainerArgs {{\n  Image = "{IMAGE}",\n  Args = {{ "--rest_api_num_threads=1" }} }} }} }} }});\n', {(THREADS, 3)}),
}  # fmt: skip


@each_row("what", WRITTEN)
def test_a_container_that_a_program_writes_out_is_read(what, tmp_path):
    name, text, expected = WRITTEN[what]
    (tmp_path / name).write_text(text)
    report = examine(tmp_path)
    assert expected <= {(hit.rule, hit.line) for hit in report.findings}
    assert "not-understood" not in {hit.rule for hit in report.findings}


SOUND = {
    "pieces.go": f'package p\nvar image = "{IMAGE}"\nfunc f(n string) {{\n\tb.WriteString("model_config_list: {{ config: {{ name: ")\n\tb.WriteString(n + " base_path: ")\n}}\n',
    "filled.go": f'package p\nvar c = corev1.PodSpec{{Containers: []corev1.Container{{{{\n\tImage: "{IMAGE}",\n\tCommand: []string{{"/usr/bin/tensorflow_model_server"}},\n\tArgs: []string{{fmt.Sprintf("--port=%d", t.Port), fmt.Sprintf("--model_config_file=%s%s", t.Folder, t.Name)}},\n\tReadinessProbe: &corev1.Probe{{}},\n}}}}}}\n',
    "m.go": GO.replace('"--rest_api_num_threads=1"', '"--tensorflow_intra_op_parallelism=2", "--tensorflow_inter_op_parallelism=2", "--grpc_max_threads=8", "--rest_api_num_threads=8"').replace("ContainerPort: 9000", "ContainerPort: 8500").replace("/health", "/v1/models/model").replace("MODEL_CONFIG_FILE", "MODEL_NAME").replace('"/c"', '"model"').replace("8080", "8501"),
    "i.ts": f"task.addContainer('s', {{\n  image: ecs.ContainerImage.fromRegistry('{IMAGE}'),\n  command: ['--model_name=m'],\n  environment: {{ MODEL_NAME: 'm' }},\n  portMappings: [{{ containerPort: 8501 }}],\n}});\n",
    "T.java": f'class T {{ GenericContainer<?> s = new GenericContainer<>("{IMAGE}").withExposedPorts(8501).withEnv("MODEL_NAME", "m").withCommand("--rest_api_num_threads=8"); }}\n',
    "other.go": 'package main\nvar r = Request{Image: image, Args: []string{"--port=9000"}}\nfunc f() { switch x { case "a": go g(map[string]string{"a": "b"}) } }\n',
}  # fmt: skip


@each_row("name", SOUND)
def test_a_sound_container_of_a_program_is_not_blamed(name, tmp_path):
    (tmp_path / name).write_text(SOUND[name])
    usual = {"monitoring-missing", "no-drain", "health-by-code", "grpc-balancing"}
    assert {hit.rule for hit in examine(tmp_path).findings} - usual == set()


@each_row(
    "text", ["{" * 3000, "f(" * 3000 + "tensorflow/serving", 'x = {"a": [{' * 500, "a := a\nb := c\nc := b\n", '"']
)
def test_brackets_that_do_not_match_end_nothing(text, tmp_path):
    (tmp_path / "m.go").write_text(text + f'\nvar i = "{IMAGE}"\nvar x = T{{Image: a, Args: b}}\n')
    (tmp_path / "z.sh").write_text(
        "tensorflow_model_server --rest_api_port=8501 --rest_api_num_threads=1 --model_base_path=/m\n"
    )
    assert ("z.sh", 1) in {(hit.path, hit.line) for hit in examine(tmp_path).findings if hit.rule == THREADS}


@each_row(
    ("name", "text"),
    [
        ("a.cc", 'auto* count = Counter<1>::New("/tensorflow/serving/request_count", "requests");\n'),
        ("a.go", 'const page = "/tensorflow/serving/request_count"\n'),
        ("a.py", 'METHOD = "tensorflow/serving/predict"\nassert method == METHOD\n'),
        ("b.py", 'metric("/tensorflow/serving/runtime_latency")\n'),
        ("b.go", 'image := "tensorflow/serving:" + version\n'),
        ("c.py", "spec = infra_validator_pb2.ServingSpec()\njson_format.ParseDict(payload, spec)\n"),
    ],
)
def test_a_path_that_holds_the_images_name_is_no_image(name, text, tmp_path):
    (tmp_path / name).write_text(text)
    assert examine(tmp_path / name).findings == []

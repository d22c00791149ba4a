"""What a finding says to do does not lead into the next fault."""

from tables import each_row

from playbook.lint.linter import examine

FILES = {
    "batching_parameters_file": ('{"max_batch_size": {"value": 32}}', "max_batch_size { value: 32 }"),
    "model_config_file": ('{"model_config_list": {}}', "model_config_list { config {"),
    "monitoring_config_file": ('{"prometheus_config": {"enable": true}}', "prometheus_config { enable: true"),
}


@each_row("flag", FILES)
def test_a_file_in_json_is_told_the_form_of_its_own_kind(flag, tmp_path):
    written, right = FILES[flag]
    (tmp_path / "c.json").write_text(written)
    (tmp_path / "r.sh").write_text(f"tensorflow_model_server --enable_batching --{flag}=c.json\n")
    (hit,) = [hit for hit in examine(tmp_path).findings if hit.rule == "config-json"]
    assert right in hit.remedy


@each_row(("port", "right"), [(8501, "--port=8500"), (8500, "8501"), (9000, "8501")])
def test_one_port_for_both_is_told_one_that_is_free(port, right):
    line = f"--port={port} --rest_api_port={port} --model_base_path=/models/m"
    (hit,) = [hit for hit in examine(line).findings if hit.rule == "rest-port-is-grpc-port"]
    assert right in hit.remedy

# ruff: noqa: E501  (texts on one line)
"""Lint knows what a ConfigMap in a pod cannot hold, and what of it no flag puts into effect."""

from cluster_texts import DEPLOYMENT, MISSING, PVC, deployed, not_told_of, told_at_its_line

MAP = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  b.config: |\n    max_batch_size { value: 32 }\n  m.config: |\n    prometheus_config { enable: true }\n"
SET = DEPLOYMENT.replace(
    "volumeMounts: [", "volumeMounts: [{name: c, mountPath: /config}, "
).replace("volumes: [", "volumes: [{name: c, configMap: {name: c}}, ")  # fmt: skip
BOTH = '", "--enable_batching", "--batching_parameters_file=/config/b.config", "--monitoring_config_file=/config/m.config"]'
TRAINER = "```yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: train}\ndata:\n  train.py: |\n    import tensorflow as tf\n    model = tf.keras.Sequential()\n    model.save('/models/scores%s')\n```\n\n```yaml\n"

# what is read -> its files, the place of the finding, its rule
FOUND = {
    "a model in a ConfigMap that is not here": (deployed(PVC, "configMap: {name: c}"), ("d.yaml", 12), MISSING),
    "a model in a Secret, among others": (
        deployed(
            PVC, "projected: {sources: [{secret: {name: c}}, {configMap: {name: d, items: [{key: a, path: a}]}}]}"
        ),
        ("d.yaml", 12),
        MISSING,
    ),
    "a mounted config file without its flag": ({"d.yaml": SET + MAP}, ("d.yaml", 13), "mounted-config-unused"),
    "a model that a ConfigMap's trainer saves without a version": (
        {"guide.md": TRAINER % "" + DEPLOYMENT + "```\n"},
        ("guide.md", 24),
        "no-version",
    ),
}
RIGHT = {
    "a ConfigMap that may put a key into a folder": deployed(
        PVC, "configMap: {name: c, items: [{key: a, path: scores/1/saved_model.pb}]}"
    ),
    "mounted config files that flags name": {"d.yaml": SET.replace('"]\n', BOTH + "\n") + MAP},
    "mounted config files that a later step's flags may name": {
        "d.yaml": SET.replace('"]\n', '", "$(MORE)"]\n        envFrom: [{configMapRef: {name: more}}]\n') + MAP
    },
    "a model that a ConfigMap's trainer saves as a version": {
        "guide.md": TRAINER % "/1" + DEPLOYMENT + "```\n"
    },
}  # fmt: skip


test_what_is_wrong_is_told_at_its_line = told_at_its_line(FOUND)
test_what_is_right_is_not_told_of = not_told_of(RIGHT)

"""The playbook: from a TensorFlow model and a promise to a configuration and the record that proves it."""

"""How texts are written, whatever they are about: shell, YAML, text protos, HCL, templates, Dockerfiles, Python."""

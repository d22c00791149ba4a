"""Certificates for tests, made by openssl: an authority, what it signed, and what nobody should believe."""

from __future__ import annotations

import subprocess
from pathlib import Path

NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1"


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)


def authority(folder: Path, name: str = "ca") -> None:
    """`NAME.pem` and `NAME.key`."""
    openssl(folder, *_new(name), "-x509", "-out", f"{name}.pem", "-days", "2", "-subj", f"/CN={name}")


def signed(folder: Path, name: str, by: str = "ca", names: str = NAMES, days: int = 2) -> None:
    """`NAME.pem` and `NAME.key`, signed by an authority for these names; 0 days: expired."""
    openssl(folder, *_new(name), "-out", f"{name}.csr", "-subj", f"/CN={name}")
    (folder / f"{name}.ext").write_text(names + "\n")
    signing = ["-CA", f"{by}.pem", "-CAkey", f"{by}.key", "-CAcreateserial", "-days", str(days)]
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", *signing, "-extfile", f"{name}.ext", "-out", f"{name}.pem")


def ssl_config(folder: Path, name: str = "server", client_ca: str = "") -> Path:
    """TensorFlow Serving's SSLConfig of `NAME`; clients are asked for a certificate of `client_ca`, where named."""
    files = {"server_key": f"{name}.key", "server_cert": f"{name}.pem"}
    files |= {"custom_ca": client_ca} if client_ca else {}
    lines = [f'{field}: "{(folder / file).read_text()}"'.replace("\n", "\\n") for field, file in files.items()]
    path = folder / f"{name}{'-mutual' if client_ca else ''}.ssl.config"
    path.write_text("\n".join([*lines, *(["client_verify: true"] if client_ca else [])]) + "\n")
    return path


def _new(name: str) -> list[str]:
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    return ["req", *curve, "-nodes", "-keyout", f"{name}.key"]


def all_kinds(folder: Path) -> Path:
    """`server`, `client`, `expired` and `other_name`, signed by `ca`; `stranger`, signed by `other_ca`."""
    for name in ("ca", "other_ca"):
        authority(folder, name)
    for name in ("server", "client"):
        signed(folder, name)
    signed(folder, "expired", days=0)
    signed(folder, "other_name", names="subjectAltName=DNS:elsewhere.example")
    signed(folder, "stranger", by="other_ca")
    return folder

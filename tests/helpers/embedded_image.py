"""An image for the tests, where none can be pulled: Debian's base, the embedded server under TensorFlow Serving's name.

Two layers: `playbook-embedded/base:<key>` holds debootstrap's Debian and the installed packages the server imports
(about 1.6 GB, one minute), `playbook-embedded/serving:test` adds the server's source and the official entrypoint's
behaviour (a second). The names say what it is: nothing in it is TensorFlow Serving.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path

import docker

IMAGE = "playbook-embedded/serving:test"
SUITE, DEBIAN_PYTHON = "bookworm", "python3.11"
MIRROR = "http://deb.debian.org/debian"
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
# Of TensorFlow, what the server loads: messages and the two shared libraries.
TENSORFLOW = ("__init__.py", "core", "compiler", "tsl", "libtensorflow_cc.so.2", "libtensorflow_framework.so.2")
ENTRYPOINT = """#!/bin/bash
# As the official image's: the built-in flags first, what follows the image's name last, so that it wins.
tensorflow_model_server --port=8500 --rest_api_port=8501 \\
    --model_name=${MODEL_NAME} --model_base_path=${MODEL_BASE_PATH}/${MODEL_NAME} "$@"
"""
SERVER = f"""#!/bin/bash
export PYTHONPATH=/opt/packages:/opt/lib PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/{PYTHON} -m model_server --bind_address=0.0.0.0 "$@"
"""
DOCKERFILE = """FROM {base}
COPY root/ /
ENV MODEL_BASE_PATH=/models MODEL_NAME=model
EXPOSE 8500 8501
ENTRYPOINT ["/usr/bin/tf_serving_entrypoint.sh"]
"""


def can_build() -> bool:
    """True where debootstrap can run and Debian's Python runs what is installed here."""
    return os.geteuid() == 0 and shutil.which("debootstrap") is not None and PYTHON == DEBIAN_PYTHON


def build() -> str:
    """The image's name, built unless it is there already; the base is rebuilt when a package's version changes."""
    client = docker.from_env(timeout=600)
    base = f"playbook-embedded/base:{_key()}"
    if not client.images.list(name=base):
        _import_base(client, base)
    before = {image.id for image in client.images.list(name=IMAGE)}
    built, _ = client.images.build(
        fileobj=io.BytesIO(_context(base)), custom_context=True, tag=IMAGE, rm=True, forcerm=True
    )
    for image in before - {built.id}:
        with contextlib.suppress(docker.errors.APIError):  # another test has built on it just now
            client.images.remove(image, force=True)
    return IMAGE


def _key() -> str:
    told = f"{SUITE} {PYTHON} {TENSORFLOW} " + " ".join(f"{name}={metadata.version(name)}" for name in distributions())
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def distributions() -> list[str]:
    """The installed packages the server imports, with all they require; of TensorFlow's own requirements none."""
    source = Path(importlib.util.find_spec("model_server").submodule_search_locations[0])
    imports = re.findall(
        r"^ *(?:import|from) (\w+)", "".join(p.read_text() for p in source.rglob("*.py")), re.MULTILINE
    )
    owners = metadata.packages_distributions()
    wanted = {name for top in set(imports) for name in owners.get(top, ()) if top != "model_server"}
    found: set[str] = {"tensorflow"}
    while wanted:
        name = wanted.pop()
        found.add(name)
        lines = [line for line in metadata.requires(name) or () if "extra ==" not in line]
        names = {re.match(r"[\w.-]+", line).group() for line in lines if name != "tensorflow"}
        wanted |= {need for need in names - found if _installed(need)}
    return sorted(found, key=str.lower)


def _installed(name: str) -> bool:
    try:
        return bool(metadata.version(name))
    except metadata.PackageNotFoundError:
        return False


@contextlib.contextmanager
def unmounted_after(parent: str | Path) -> Iterator[Path]:
    """A temporary folder whose removal never crosses a mount: a debootstrap that failed leaves /proc mounted below it.

    Raises:
        RuntimeError: something below is still mounted; the folder is left as it is, and named.
    """
    folder = Path(tempfile.mkdtemp(prefix="playbook-debian-", dir=parent))
    try:
        yield folder
    finally:
        for mount in mounts_below(folder):
            subprocess.run(["umount", "--lazy", mount], capture_output=True)
        if left := mounts_below(folder):
            raise RuntimeError(f"{folder} was not removed: {', '.join(left)} is still mounted. Run umount, then rm -r.")
        shutil.rmtree(folder)


def mounts_below(folder: Path) -> list[str]:
    """What is mounted below a folder, the deepest first."""
    text = Path("/proc/self/mounts").read_text()
    places = [line.split()[1].encode().decode("unicode_escape") for line in text.splitlines()]
    return sorted((place for place in places if Path(place).is_relative_to(folder)), key=len, reverse=True)


def _import_base(client: docker.DockerClient, base: str) -> None:
    """One layer from a tar that is never on disk: Debian, then the packages."""
    with unmounted_after("/var/tmp") as root:
        done = subprocess.run(
            ["debootstrap", "--variant=minbase", f"--include={PYTHON}", SUITE, f"{root}/debian", MIRROR],
            capture_output=True,
            text=True,
            timeout=300,
        )
        if done.returncode:
            raise RuntimeError(f"debootstrap failed: {done.stdout[-800:]}{done.stderr[-400:]}")
        packages = list(_packages())
        read, write = os.pipe()
        with ThreadPoolExecutor(1) as pool, os.fdopen(read, "rb") as stream:
            written = pool.submit(_write_tar, write, root / "debian", packages)
            client.api.import_image_from_stream(stream, repository="playbook-embedded/base", tag="part")
            written.result()
    client.images.get("playbook-embedded/base:part").tag(base)
    client.images.remove("playbook-embedded/base:part")


def _write_tar(write: int, debian: Path, packages: list[tuple[Path, str]]) -> None:
    with (
        os.fdopen(write, "wb", buffering=1 << 20) as pipe,
        tarfile.open(fileobj=pipe, mode="w|", bufsize=1 << 20) as tar,
    ):
        tar.add(debian, arcname=".", filter=lambda member: None if "var/cache/apt" in member.name else member)
        for source, name in packages:
            tar.add(source, arcname=f"opt/packages/{name}", filter=_plain)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if member.name.endswith("__pycache__") or "/include/" in member.name:
        return None
    member.uid = member.gid = 0
    member.mode |= 0o444 | (0o111 if member.isdir() else 0)
    return member


def _packages() -> Iterator[tuple[Path, str]]:
    """Every file of those packages, by its place below site-packages."""
    for name in distributions():
        for file in metadata.files(name) or ():
            path, parts = Path(file.locate()), file.parts
            wanted = parts[1] in TENSORFLOW if parts[0] == "tensorflow" and len(parts) > 1 else parts[0] != ".."
            if wanted and path.suffix != ".pyc" and path.is_file():
                yield path, str(file)


def _context(base: str) -> bytes:
    """A build context of a few hundred kilobytes: source, scripts, Dockerfile."""
    source = Path(importlib.util.find_spec("model_server").submodule_search_locations[0])
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        _add(tar, "Dockerfile", DOCKERFILE.format(base=base), 0o644)
        _add(tar, "root/usr/bin/tf_serving_entrypoint.sh", ENTRYPOINT, 0o755)
        _add(tar, "root/usr/bin/tensorflow_model_server", SERVER, 0o755)
        tar.add(source, arcname="root/opt/lib/model_server", filter=_plain)
    return out.getvalue()


def _add(tar: tarfile.TarFile, name: str, text: str, mode: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(text.encode()), mode
    tar.addfile(member, io.BytesIO(text.encode()))


if __name__ == "__main__":
    print(build())

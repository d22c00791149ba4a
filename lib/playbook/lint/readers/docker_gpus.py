"""GPUs and `docker run`: one that is given to an image for CPUs, an image for GPUs that is given none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from playbook.lint.checks.containers import for_cpus, for_gpus
from playbook.lint.forms.text import Word
from playbook.lint.rules.findings import Finding, finding


def check_gpus(
    words: Sequence[Word], options: Sequence[tuple[str, Word]], image: Word, base: str, shown: str
) -> Iterator[Finding]:
    """Findings of a line `docker run`; `base` is what the image is made of."""
    given = {name for name, _ in options}
    runtime = any(name == "--runtime" and value == "nvidia" for name, value in options)
    nvidia = any(word.rpartition("/")[2].startswith("nvidia-docker") for word in words[:4])
    nvidia = nvidia and "-devel" not in base  # in which somebody builds
    if "--gpus" in given or runtime or nvidia:
        if for_cpus(base):
            yield finding("gpu-image-missing", shown, image.line, image=base)
        return
    told = any("NVIDIA_" in value for _, value in options)  # NVIDIA's runtime reads it, which may be docker's own
    before = words[: words.index(image)] if image in words else [Word("$")]
    hidden = any(re.fullmatch(r"\$\{?\w*\}?(\[@\]\})?|\$\(.*", word) for word in before)  # options of other places
    if for_gpus(image) and not (
        told or hidden or given & {"--runtime", "--device", "--privileged", "--env-file", "--gpu"}
    ):
        yield finding("gpu-not-given", shown, image.line, image=image, how="--gpus all before the image")

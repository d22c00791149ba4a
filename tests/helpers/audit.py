"""`make audit`: licences of everything that is installed, and known weaknesses of it where the index knows of any.

An index that publishes no advisories looks like one that knows of no weakness: it is asked first about a release that
is known to have some. Exits 0 when all is audited and fine, 1 when something is not, 3 when nothing could be audited.
"""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.request
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path

LICENCES = Path(__file__).resolve().parents[2] / "LICENCES.md"
OURS = "tfserving-playbook"
CANARY = ("jinja2", "2.4.1")  # CVE-2014-1402 and later ones; an index with advisories names some
FINE, FAULT, NOT_AUDITED = 0, 1, 3
#: Part of what a package calls its licence (lower case), and what it is.
KNOWN = {
    "mpl": "MPL-2.0", "mozilla": "MPL-2.0", "apache": "Apache-2.0", "mit": "MIT", "bsd": "BSD", "isc": "ISC",
    "psf": "PSF-2.0", "python software foundation": "PSF-2.0", "zpl": "ZPL-2.1", "zlib": "Zlib", "cc0": "CC0-1.0",
    "unlicense": "Unlicense", "0bsd": "0BSD", "dfsg": "DFSG",
}  # fmt: skip
PERMISSIVE = set(KNOWN.values()) - {"MPL-2.0"}
FILE_BY_FILE = {"MPL-2.0"}  # whoever changes such a file publishes the change; we change none
#: Packages whose metadata names none: read in the licence that their source distribution carries.
READ = {"namex": "Apache-2.0", "pysimdjson": "MIT"}
_COPYLEFT = re.compile(r"\b[AL]?GPL|EUPL|SSPL|proprietary", re.IGNORECASE)

Fetch = Callable[[str, str], Mapping | None]


def licence(package: metadata.Distribution) -> str:
    """What a package says its licence is, shortened to one line; "" when it says nothing."""
    about = package.metadata
    named = [text.split("::")[-1].strip() for text in about.get_all("Classifier") or [] if text.startswith("License")]
    told = about.get("License-Expression") or "; ".join(named) or (about.get("License") or "").split("\n")[0][:60]
    return told or READ.get(about["Name"].lower(), "")


def kinds(told: str) -> set[str]:
    """The licences that a text names, by the table; one that is in no table is kept as it is."""
    if not told or _COPYLEFT.search(told):
        return {told or "none named"}
    parts = re.split(r"\s+(?:AND|OR)\s+|[;()]", told)
    return {_kind(part.strip()) for part in parts if part.strip()}


def _kind(part: str) -> str:
    return next((kind for word, kind in KNOWN.items() if re.search(rf"\b{word}", part.lower())), part)


def doubtful(licences: Mapping[str, str]) -> dict[str, str]:
    """The packages whose licence is neither permissive nor one that binds changed files alone."""
    allowed = PERMISSIVE | FILE_BY_FILE
    return {name: told or "none named" for name, told in licences.items() if kinds(told) - allowed}


def installed() -> dict[str, tuple[str, str]]:
    """Version and licence of every package beside ours, by name."""
    found = {one.metadata["Name"].lower().replace("_", "-"): one for one in metadata.distributions()}
    return {name: (one.version, licence(one)) for name, one in sorted(found.items()) if name != OURS}


def page(packages: Mapping[str, tuple[str, str]]) -> str:
    """The list as Markdown."""
    rows = [f"| {name} | {told} |" for name, (_, told) in packages.items()]
    head = [
        "# Licences of what the playbook depends on",
        "",
        "Made and checked by `make audit`. All are permissive but those of MPL-2.0, which binds changes to files of "
        "theirs; none is changed here.",
        "",
        "| package | licence |",
        "|---|---|",
    ]
    return "\n".join([*head, *rows]) + "\n"


def weaknesses(packages: Mapping[str, tuple[str, str]], fetch: Fetch) -> list[str] | None:
    """Each known weakness of what is installed, in words; None when the index has no advisories to go by."""
    known = fetch(*CANARY)
    if not (known or {}).get("vulnerabilities"):
        return None
    found = []
    for name, (version, _) in packages.items():
        for one in (fetch(name, version) or {}).get("vulnerabilities") or []:
            mended = ", ".join(one.get("fixed_in") or []) or "no release yet"
            found.append(f"{name} {version}: {one.get('id')} (mended in {mended})")
    return found


def fetcher(index: str) -> Fetch:
    """Asks an index for the JSON of a release; None for what it does not have."""
    base = index.rstrip("/").removesuffix("/simple")

    def fetch(name: str, version: str) -> Mapping | None:
        try:
            with urllib.request.urlopen(f"{base}/pypi/{name}/{version}/json", timeout=20) as reply:
                return json.load(reply)
        except (OSError, ValueError):
            return None

    return fetch


def main(fetch: Fetch, packages: Mapping[str, tuple[str, str]]) -> int:
    """Tell both parts; the exit code is the worse of the two."""
    bad = doubtful({name: told for name, (_, told) in packages.items()})
    print(f"licences: {len(packages)} packages, {len(bad)} not permissive{':' if bad else '.'}")
    for name, told in bad.items():
        print(f"  {name}: {told}")
    found = weaknesses(packages, fetch)
    if found is None:
        print("weaknesses: NOT AUDITED: this index has no advisories, not even for a release known to have some, or")
        print("  is out of reach, or none was named. Name one that has them: PIP_INDEX_URL=<index> make audit")
        return FAULT if bad else NOT_AUDITED
    print(f"weaknesses: {len(found)} known{':' if found else '.'}")
    for text in found:
        print(f"  {text}")
    return FAULT if bad or found else FINE


if __name__ == "__main__":
    have = installed()
    LICENCES.write_text(page(have))
    sys.exit(main(fetcher(os.environ.get("PIP_INDEX_URL", "")), have))

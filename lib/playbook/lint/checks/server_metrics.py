"""What the server calls its metrics, and queries that ask for others: they find nothing, and say nothing of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from playbook.lint.forms.queries import Query, queries_in
from playbook.lint.forms.text import Text
from playbook.lint.rules.findings import Finding, finding

_PREFIX = ":tensorflow:serving:"
_COUNTERS = ("request_count", "request_log_count", "request_example_count_total", "model_warmup_records_read",
             "batching_session:wrapped_run_count", "mlmd_map")  # fmt: skip
_HISTOGRAMS = ("request_latency", "runtime_latency", "request_example_counts", "model_warmup_latency",
               "batching_session:queuing_latency", "batching_session:padding_size",
               "batching_session:input_batch_size", "batching_session:processed_batch_size")  # fmt: skip
_OPS = ("batching:", "saved_model_with_batching:")  # of ops inside a graph, and of another build
SERIES = (*_COUNTERS, *(f"{name}_{part}" for name in _HISTOGRAMS for part in ("bucket", "sum", "count")))
# what is meant by names that others use
_MEANT = {
    "duration": "request_latency", "latency": "request_latency", "inference": "runtime_latency",
    "predict": "request_latency", "batch_size": "batching_session:processed_batch_size",
    "queue": "batching_session:queuing_latency", "warmup": "model_warmup_latency", "error": "request_count",
    "requests": "request_count",
}  # fmt: skip
# the server's name in a metric's, as exporters write it
_NAME = re.compile(r"(?<![\w:.$/{-])(:?(?:tensorflow[:_]serving|tf_?serving)[:_][A-Za-z][\w:]*)(?![\w:.*\\$(-])")
_RENAMES = re.compile(r"(?:target_label|targetLabel)[\"']?\s*:\s*[\"']?__name__")


def check_queries(texts: Mapping[str, Text], served: bool) -> Iterator[Finding]:
    """Queries of these texts, by path, that name a metric which the server has not; `served`: one starts it.

    Nothing is said of a name that another text makes (a rule that records it, an exporter of one's own), nor where
    metrics are renamed as they are scraped.
    """
    found = {path: [*queries_in(text)] if _NAME.search(text.content) else [] for path, text in texts.items()}
    if not any(found.values()) or any(_RENAMES.search(text.content) for text in texts.values()):
        return
    rights = {
        name: _right(name) for queries in found.values() for query in queries for name, _ in _named(query, served)
    }
    unknown = {name for name, right in rights.items() if right and not _is_made(name, texts, found)}
    for path, queries in found.items():
        for query in queries:
            first = next(((name, line) for name, line in _named(query, served) if name in unknown), None)
            if first is not None:
                yield finding("metric-unknown", path, first[1], name=first[0], right=rights[first[0]])


def count_asked(text: Text) -> int:
    """How many queries of a text ask for metrics of the server by any name."""
    return sum(bool(_NAME.search(query.content)) for query in queries_in(text)) if _NAME.search(text.content) else 0


def _named(query: Query, served: bool) -> Iterator[tuple[str, int]]:
    """The server's metrics that a query asks for, with their lines; those in a pattern may be any."""
    if "=~" in query.content and "__name__" in query.content:
        return
    for match in _NAME.finditer(query.content):
        if served or match[1].lstrip(":").startswith("tensorflow"):
            yield match[1], query.line + query.content.count("\n", 0, match.start())


def _right(name: str) -> str:
    """What to write in place of a name that the server has not; "" for one that it has."""
    if name.startswith(_PREFIX) and (name[len(_PREFIX) :] in SERIES or name[len(_PREFIX) :].startswith(_OPS)):
        return ""
    bare = re.sub(r"^:?(?:tensorflow|tf)_?:?serving[:_]", "", name)
    if bare in _HISTOGRAMS and name.startswith(_PREFIX):
        return f"It is a histogram: write {name}_bucket, {name}_sum or {name}_count."
    series = re.sub(r"^(batching_session|batching)_", r"\1:", bare)
    near = get_close_matches(series, SERIES, n=1, cutoff=0.85)
    part = found[0] if (found := re.findall(r"_(bucket|sum|count)$", bare)) else "bucket"
    meant = next(
        (f"{each}_{part}" if each in _HISTOGRAMS else each for word, each in _MEANT.items() if word in bare), ""
    )
    if near or meant:
        unit = " (in microseconds)" if "latency" in (near[0] if near else meant) else ""
        return f"Write {_PREFIX}{near[0] if near else meant}{unit}."
    return f"Ask the server itself for its names: all of them begin with {_PREFIX}"


def _is_made(name: str, texts: Mapping[str, Text], found: Mapping[str, list[Query]]) -> bool:
    """True where a text holds the name, or that of its family, outside of all queries: who makes it."""
    family = re.sub(r"_(bucket|sum|count|total|created)$", "", name)
    word = re.compile(rf"(?m)^.*(?<![\w:]){re.escape(family)}(?:_(?:bucket|sum|count|total))?(?=[\"'\s,)}}]|$).*$")
    for path, text in texts.items():
        if family not in text.content:
            continue
        spans = sorted((query.start, query.end) for query in found[path])
        begins, ends = [0, *(end for _, end in spans)], [*(start for start, _ in spans), len(text.content)]
        content = "".join(text.content[begin:end] for begin, end in zip(begins, ends, strict=True))
        if any(not _TOLD.match(line[0]) for line in word.finditer(content)):
            return True
    return False


# lines that tell of a metric and make none: prose, comments, the names and texts of alerts and panels
_TOLD = re.compile(
    r"\s*(?:#|//|[-*|]\s*[`|:A-Z]|-?\s*[\"']?"
    r"(?:description|summary|title|message|legendFormat|metricName|alert|help)[\"']?\s*:)"
)

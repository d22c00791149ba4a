"""Ready-made questions to the store: a name, the question, and the SQL. Each answer has a `run_id` column."""

from __future__ import annotations

from typing import NamedTuple


class Query(NamedTuple):
    """A question and the SQL that answers it."""

    question: str
    sql: str


QUERIES: dict[str, Query] = {
    "percentiles": Query(
        "p50, p95 and p99 by run and level, exact, from every request; NULL with fewer than ten beyond it",
        """
WITH found AS (
    SELECT run_id, stage, level, count(*) AS answers,
           quantile_cont(done_ns - scheduled_ns, [0.5, 0.95, 0.99]) AS ns
    FROM requests WHERE error IS NULL GROUP BY ALL
)
SELECT run_id, stage, level, answers,
       CASE WHEN answers >= 20 THEN ns[1] / 1e6 END AS p50_ms,
       CASE WHEN answers >= 200 THEN ns[2] / 1e6 END AS p95_ms,
       CASE WHEN answers >= 1000 THEN ns[3] / 1e6 END AS p99_ms
FROM found ORDER BY ALL""",
    ),
    "errors": Query(
        "share of failed requests by minute and kind",
        """
WITH minutes AS (
    SELECT run_id, stage, coalesce(error, 'none') AS kind,
           (scheduled_ns - min(scheduled_ns) OVER (PARTITION BY run_id, stage)) // 60_000_000_000 AS minute
    FROM requests
), counted AS (SELECT *, count(*) AS requests FROM minutes GROUP BY ALL)
SELECT run_id, stage, minute, kind, requests,
       requests / sum(requests) OVER (PARTITION BY run_id, stage, minute) AS share
FROM counted ORDER BY ALL""",
    ),
    "batches": Query(
        "mean rows of a batch between two samples of the server",
        """
WITH steps AS (
    SELECT run_id, at_ns, when_utc, sum - lag(sum) OVER w AS rows, count - lag(count) OVER w AS batches
    FROM metrics
    WHERE name = ':tensorflow:serving:batching_session:processed_batch_size'
    WINDOW w AS (PARTITION BY run_id, labels ORDER BY at_ns)
)
SELECT run_id, when_utc, batches, rows / batches AS rows_a_batch
FROM steps WHERE batches > 0 ORDER BY run_id, at_ns""",
    ),
    "changes": Query(
        "each change of configuration, with p99 in the five seconds before and after it; NULL below 1,000 answers",
        """
SELECT c.run_id, c.when_utc, c.verb, c.name, left(c.before, 60) AS before, left(c.after, 60) AS after, c.why,
       CASE WHEN count(*) FILTER (r.done_ns < c.at_ns) >= 1000 THEN
           quantile_cont((r.done_ns - r.scheduled_ns) / 1e6, 0.99) FILTER (r.done_ns < c.at_ns) END AS p99_before_ms,
       CASE WHEN count(*) FILTER (r.done_ns >= c.at_ns) >= 1000 THEN
           quantile_cont((r.done_ns - r.scheduled_ns) / 1e6, 0.99) FILTER (r.done_ns >= c.at_ns) END AS p99_after_ms
FROM changes c LEFT JOIN requests r
  ON r.run_id = c.run_id AND r.error IS NULL AND abs(r.done_ns - c.at_ns) < 5_000_000_000
GROUP BY ALL ORDER BY c.run_id, c.when_utc""",
    ),
    "rises": Query(
        "every second in which p99 doubled, and the last change before it",
        """
WITH seconds AS (
    SELECT run_id, level, done_ns // 1_000_000_000 * 1_000_000_000 AS at_ns,
           quantile_cont((done_ns - scheduled_ns) / 1e6, 0.99) AS p99_ms
    FROM requests WHERE error IS NULL GROUP BY ALL HAVING count(*) >= 20
), rises AS (
    SELECT *, lag(p99_ms) OVER (PARTITION BY run_id, level ORDER BY at_ns) AS before_ms FROM seconds
    QUALIFY p99_ms > 2 * before_ms
)
SELECT r.run_id, r.level, r.before_ms, r.p99_ms, (r.at_ns - c.at_ns) / 1e9 AS seconds_after, c.verb, c.name,
       c.before, c.after, c.why
FROM rises r ASOF LEFT JOIN changes c ON r.run_id = c.run_id AND c.at_ns <= r.at_ns + 1_000_000_000
ORDER BY r.run_id, r.at_ns""",
    ),
    "cpu": Query(
        "cores used and memory held by server and client in each level",
        """
WITH spans AS (
    SELECT run_id, stage, level, min(scheduled_ns) AS start_ns, max(done_ns) AS end_ns FROM requests GROUP BY ALL
)
SELECT s.run_id, s.stage, s.level, r.who, avg(r.cpu_cores) AS cores, max(r.rss_bytes) / 1048576 AS mib
FROM spans s JOIN resources r ON r.run_id = s.run_id AND r.at_ns BETWEEN s.start_ns AND s.end_ns
GROUP BY ALL ORDER BY ALL""",
    ),
    "events": Query(
        "restarts of the server, gaps of its metrics, and what was wrong with them",
        "SELECT run_id, when_utc, event, what, detail FROM events WHERE event NOT IN ('start', 'stop') ORDER BY ALL",
    ),
}

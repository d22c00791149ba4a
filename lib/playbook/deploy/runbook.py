"""What to do when an alert of `monitoring/rules.yml` rings, and what the optional parts of the manifests are for."""

from __future__ import annotations

RUNBOOK: tuple[tuple[str, str], ...] = (
    (
        "ServingOverCapacity",
        "A pod answers all it was measured to carry, and may be asked for more: raise maxReplicas or scale by hand "
        "now, then find out who asks. Clients see waits that the server's own p99 does not show.",
    ),
    (
        "ServingAbovePlan",
        "The autoscaler does not follow: at maxReplicas (raise it), pods Pending (nodes), or a metric that is "
        "missing (`kubectl describe hpa`).",
    ),
    (
        "ServingProbeSlow",
        "Users wait. Rate over capacity: scale. Rate normal: look at throttling, CPU and neighbours, then at "
        "the last rollout.",
    ),
    (
        "ServingProbeFailed",
        "Ask once by hand: `curl -d @body http://SERVICE:8501/v1/models/MODEL:predict`. 404: no version is "
        "loaded. 503: queue full. A time-out: see ServingOverCapacity.",
    ),
    (
        "ServingDown",
        "`kubectl get pods` and `kubectl logs --previous`: exit code 137 with OOMKilled asks for memory, 255 "
        "for a look at flags and config files, 134 and 139 for a rollback.",
    ),
    (
        "ServingP99OverLimit",
        "The model runs slower than measured: batches too large, a larger input, throttling, or a new "
        "version. Compare with the record: `playbook run params/attach.yml`, `playbook compare`.",
    ),
    (
        "ServingRejects",
        "The batching queue is full: scale. If the CPU is idle meanwhile, max_enqueued_batches or "
        "num_batch_threads is too small: tune again.",
    ),
    (
        "ServingPromiseBurnsFast",
        "The month's allowance goes in days: treat as an outage, roll back the last change first.",
    ),
    (
        "ServingPromiseBurns",
        "A slow loss: find the hour it began and what was rolled out then.",
    ),
    (
        "ServingLoadFailed",
        "The old version serves on. Read the server's log for the reason, publish the next number: a failed "
        "version is not tried again.",
    ),
    (
        "ServingNoMetrics",
        "ServingDown rings too: the server is down. It does not: it is too busy to answer a scrape, or it was "
        "started without monitoring_config_file.",
    ),
    (
        "ServingThrottled",
        "The quota stops the server: whole cores, requests = limits, the kubelet's static CPU manager; or "
        "fewer threads.",
    ),
    (
        "ServingCpuSaturated",
        "No core is left: scale; when it lasts, the plan's headroom is gone.",
    ),
)

COMPONENTS: dict[str, str] = {
    "grpc-route": "gRPC from outside by method (Gateway API): predictions yes, reloading no",
    "keda": "scaling on requests by KEDA, in place of the HorizontalPodAutoscaler",
    "model-bucket": "the model from s3:// or gs://, copied before the server starts",
    "model-volume": "the model from a volume, which a Job fills",
    "openshift": "without fixed user ids; named last",
    "requests-per-second": "scaling on requests by the Prometheus adapter",
    "service-monitor": "for the Prometheus operator: scraping, rules, dashboard, probes (fill in NAMESPACE)",
}

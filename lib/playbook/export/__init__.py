"""Export: is this SavedModel right, fast and self-contained?"""

from playbook.export import preprocessing_proof, variant_views, variants
from playbook.export.budget import held, stage
from playbook.export.differences import recommend
from playbook.export.export import (
    add_warmup,
    batch_curve,
    build,
    plan,
    publish_version,
    quality,
    results,
    verdict,
    warnings,
)
from playbook.progress import begin
from playbook.tfserving.signatures import table as signature_table
from playbook.tfserving.warmup_file import sizes as warmup_sizes

__all__ = [
    "add_warmup",
    "batch_curve",
    "begin",
    "build",
    "held",
    "plan",
    "preprocessing_proof",
    "publish_version",
    "quality",
    "recommend",
    "results",
    "signature_table",
    "stage",
    "variant_views",
    "variants",
    "verdict",
    "warmup_sizes",
    "warnings",
]

"""Tune: which batching and threading parameters give the most throughput inside the limit?"""

from playbook.progress import begin
from playbook.tune.findings import keep_trials, results, trials_frame, warnings
from playbook.tune.maps import default_beside_tuned, search_map
from playbook.tune.outlook import stage
from playbook.tune.points import load_of, points_of
from playbook.tune.tuner import tune
from playbook.tune.views import ablation_table, plan_table, predicted_against_measured, table, verdict
from playbook.tune.whatif import what_if

__all__ = [
    "ablation_table",
    "begin",
    "default_beside_tuned",
    "keep_trials",
    "load_of",
    "plan_table",
    "points_of",
    "predicted_against_measured",
    "results",
    "search_map",
    "stage",
    "table",
    "trials_frame",
    "tune",
    "verdict",
    "warnings",
    "what_if",
]

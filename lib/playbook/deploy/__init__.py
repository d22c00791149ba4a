"""Deploy: which image, manifests and replica count carry the target load, and do they pass when built?"""

from playbook.deploy import bundle_check, fleet, policies, rehearsal
from playbook.deploy.demand import profile as day_of
from playbook.deploy.deploy import results, sign, write
from playbook.deploy.expense import stage
from playbook.deploy.fleet_figure import day as day_figure
from playbook.deploy.plan import plan_of, refined
from playbook.deploy.simulation import simulate
from playbook.deploy.sizing import Demand
from playbook.deploy.words import days, summary, table, verdict, warnings
from playbook.progress import begin
from playbook.serve.containers import IMAGE

__all__ = [
    "IMAGE",
    "Demand",
    "begin",
    "bundle_check",
    "day_figure",
    "day_of",
    "days",
    "fleet",
    "plan_of",
    "policies",
    "refined",
    "rehearsal",
    "results",
    "sign",
    "simulate",
    "stage",
    "summary",
    "table",
    "verdict",
    "warnings",
    "write",
]

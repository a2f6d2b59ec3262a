"""The translation of a project, for the commands that make or ask it."""

from mtv.cli.app import load_assessment, load_mapping, load_plan, load_target
from mtv.estate import Estate
from mtv.model.concern import Category
from mtv.plan import check_plan, planned_names
from mtv.project import Project
from mtv.translate import Translation, translate

FINDING_WORDS = {
    Category.BLOCKER: "open",
    Category.WARNING: "warning",
    Category.INFORMATION: "note",
}
"""What a finding is called in a command's output."""


def load_translation(project: Project, estate: Estate) -> Translation:
    """The translation of the estate by the project's target.yaml, mapping.yaml and assessment."""
    return translate(
        estate,
        load_target(project),
        load_mapping(project),
        load_assessment(project),
        _kept_names(project, estate),
    )


def _kept_names(project: Project, estate: Estate) -> dict[str, str]:
    """The names of VMs that are planned already: the plan may have renamed them."""
    if not project.plan.exists():
        return {}
    plan = load_plan(project)
    check_plan(plan, estate)
    return planned_names(plan)

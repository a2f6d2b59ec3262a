"""Suggestions for ``mapping.yaml``: which class for a datastore, which network for a port group ...

Every suggestion has a reason. Where nothing fits, the question stays open; nothing is invented. A
module per part of the mapping, each with a function ``suggest(question)``.
"""

from mtv.estate import Estate
from mtv.model.target import SiteMapping, Target
from mtv.translate.suggest import networks, nodes, organisation, platform, storage, templates
from mtv.translate.suggest.question import Question, Suggestion

PARTS = (platform, storage, networks, nodes, organisation, templates)
"""In the order of the sections of ``mapping.yaml``."""


def suggest(
    estate: Estate, target: Target, mapping: SiteMapping | None = None
) -> tuple[Suggestion, ...]:
    """A suggestion for every line that ``mapping.yaml`` should have.

    What only VMs use that cannot be migrated (``Inventory.assessment_only``) is not asked.
    """
    question = Question(estate, target, mapping)
    return tuple(each for part in PARTS for each in part.suggest(question))

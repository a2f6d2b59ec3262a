"""Names of VMs that the template in ``mapping.yaml`` does not give as one would expect."""

from collections import Counter
from functools import cached_property

from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.names import LONGEST_VM, NAMELESS, label
from mtv.naming import USUAL
from mtv.translate.part import AroundVms, Manifest
from mtv.translate.site import Site
from mtv.translate.vm.groups import about


class Called(AroundVms):
    """What a template of names makes of a site's VMs. The usual one is not talked about."""

    def __init__(self, site: Site) -> None:
        self._site = site

    manifests: tuple[Manifest, ...] = ()

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """VMs that it leaves without a name, or that only a suffix tells apart."""
        template = self._site.mapping.names.vm
        if template == USUAL.vm:
            return ()
        texts = self._site.naming.texts
        made = {ref: label(text, LONGEST_VM) for ref, text in texts.items()}
        times = Counter(made.values())
        # What the plan has named already does not ask the template.
        asking = [each for each in self._site.vms if each.ref not in self._site.naming.kept]
        nameless = [each for each in asking if made[each.ref] == NAMELESS]
        named = [each for each in asking if made[each.ref] != NAMELESS]
        alike = [each for each in named if times[made[each.ref]] > 1]
        return (
            *about(
                nameless,
                row="virtual-machine",
                category=Category.WARNING,
                says=f"mapping.yaml: names: vm: {template} gives it no name",
                remedy="add a field that these VMs have, such as {name}",
            ),
            *about(
                alike,
                row="virtual-machine",
                category=Category.WARNING,
                says=f"mapping.yaml: names: vm: {template} gives several VMs its name, so that "
                "each has a part of a digest behind it",
                remedy="add a field that tells them apart, such as {name} or {id}, or leave it",
            ),
        )

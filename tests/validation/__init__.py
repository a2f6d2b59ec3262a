"""Strict validation of the manifests that mtv writes, for each version of the target.

names.py          names, labels, annotations, selectors
schema.py         structural schemas: fields, types, limits, defaults
rules.py          their CEL rules; functions.py: what Kubernetes adds to CEL
releases.py       the kinds of each version
virtual_machines.py, attachments.py (cni.yaml), host_networks.py (nmstate.yaml)
                  what no schema says, and servers or CNI plugins refuse
manifests.py      all of it on one manifest
references.py     what refers to what in a set of manifests
tree.py           a whole tree of manifests, with its kustomization.yaml
"""

from tests.validation.manifests import faults
from tests.validation.references import Found, There
from tests.validation.tree import check_set, check_tree

__all__ = ["Found", "There", "check_set", "check_tree", "faults"]

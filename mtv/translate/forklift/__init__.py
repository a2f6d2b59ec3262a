"""Forklift's (MTV's) resources: the same site and mapping, for those who run its operator.

export.py    Translation + plan.yaml + mtv.yaml -> Provider, StorageMap, NetworkMap, Plan
providers.py, storage.py, networks.py, plans.py   a module for each kind
selection.py who is moved, and who is not
claims.py    names of claims and volumes, as far as Forklift's templates can say them
refusals.py  VMs that Forklift would refuse, which would hold up a whole Plan
losses.py    what its VMs will not have
tree.py      the files, with a README

documents.py  hostile YAML and JSON -> plain objects, with the place they stand in
inputs.py     the parts of them that are read, and what is not taken over
sources.py    which source a Provider is
told.py       what is missing, or not taken over
answers.py    resources -> answers and waves; merge.py: answers -> lines of mapping.yaml
"""

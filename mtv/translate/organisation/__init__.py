"""How the estate is ordered: folders, tags, pools, quotas, roles.

namespaces.py     which namespace a VM goes to; places.py: the trees that it stands in
organisation.py   the concept: namespaces; labels.py: tags and attributes
quotas.py         the concept of quotas; budgets.py: pools and quotas as limits, pool_promises.py:
                  what a pool promises, which is told
permissions.py    the concept of RoleBindings; grants.py: who may do what with which VMs
"""

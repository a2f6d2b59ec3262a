"""Where VMs run and how they are moved.

balancing.py       DRS and scheduling policies -> descheduler.py: the KubeDescheduler
placement.py       rules and pinning -> affinity; rules.py: which rules, contradictions.py: which of
                   them cannot be kept together
eviction.py        what happens to a VM when its node is drained
live_migration.py  settings -> HyperConverged and MigrationPolicies (migration_settings.py), and a
                   network of its own (migration_network.py)
availability.py    HA, priorities -> priority classes; remediation.py: fencing -> NodeHealthCheck
start_order.py     vApps, dependency rules, priorities -> the start plan; orders.py: its graph
cpu_models.py      EVC, cluster CPU types -> CPU model
"""

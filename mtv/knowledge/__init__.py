"""What mtv knows of the world, as tables in ``mappings/`` with the questions that rules ask them.

versions.py         what each version of the target knows
availability.py     run strategies, priority classes, the health check of nodes
backends.py         storage back ends: access modes, what a class shows
cpu_models.py       EVC modes and cluster CPU types
descheduling.py     balancing policies, units and thresholds
fencing.py          fence agents and their parameters
live_migration.py   defaults, migration policies, who may migrate
roles.py            what a role of the source amounts to
"""

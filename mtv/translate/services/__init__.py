"""What ``mapping.yaml`` asks to be reachable -> Service, Route, Ingress, NetworkPolicy.

asked.py      an entry of ``services``, read: ports, peers, and what is wrong with it
members.py    which VMs are behind each, and in which namespaces
addresses.py  hosts and paths that are wanted twice
manifests.py  the objects
findings.py   what a person has to know
services.py   the concept
"""

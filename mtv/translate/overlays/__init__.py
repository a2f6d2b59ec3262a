"""Overlays and what guards them: segments, routers, security groups.

overlays.py   the concept: user defined networks of layer 2; segments.py: kinds of segments;
              routing.py: routers and gateways, which are told
firewall.py   the concept of policies; security_groups.py: who is in which group;
              firewall_rules.py: what a rule lets through; dropped.py: what guests miss
"""

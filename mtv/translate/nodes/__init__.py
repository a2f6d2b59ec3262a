"""What the nodes need: host networks -> nmstate policies; facts and density of hosts.

host_networks.py   the concept; host_layouts.py: hosts that are wired alike, node_groups.py: nodes
                   that take their place, uplinks.py: networks on the same wires
nmstate.py         a policy's desired state; bonds.py: teaming and bond modes
host_losses.py, port_group_losses.py
                   what is lost
hosts.py, density.py
                   facts of hosts; memory overcommit and same-page merging
"""

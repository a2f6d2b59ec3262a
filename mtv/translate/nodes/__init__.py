"""What the nodes need: host networks -> nmstate policies; facts and density of hosts.

host_networks.py   the concept; host_layouts.py: hosts that are wired alike, node_groups.py: nodes
                   that take their place, uplinks.py: networks on the same wires
node_policies.py   policies that several groups ask for, and those that contradict each other
nmstate.py         a policy's desired state; bonds.py: teaming and bond modes
host_losses.py, port_group_losses.py, machine_network.py
                   what is lost; what ends on the nodes' own network
hosts.py, density.py
                   facts of hosts; memory overcommit and same-page merging
"""

"""What NICs are attached to: port groups and vNIC profiles -> networks of the target.

attachments.py   what mapping.yaml chose, for every NIC; physical.py: which wires a network is on;
                 port_terms.py, shaping.py: on which terms a NIC joins
vm_networks.py   the concept: cards, user defined networks; nad.py: attachments and their CNI
                 configuration; vlans.py: access and trunk
problems.py, losses.py, term_losses.py
                 what the choice cannot carry; what is lost, also of the terms; seen.py: what VMs
                 have on a network
mac_pools.py     the range of KubeMacPool
"""

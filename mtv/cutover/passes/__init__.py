"""A pass over a VM's disks: held still at the source, copied, let go again."""

"""Disk images that are not raw, read by ourselves: VMDK and qcow2."""

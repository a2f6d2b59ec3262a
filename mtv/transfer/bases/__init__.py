"""What disks are copied to: files and devices, raw or qcow2, and who may write them."""

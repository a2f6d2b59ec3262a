"""What is known of a VM on its way over: its disks' places here, its power, other waves."""

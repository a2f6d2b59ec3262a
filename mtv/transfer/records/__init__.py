"""What is known of each grain of a disk, and kept beside its base so that a copy can go on."""

"""Ways to the bytes of a disk at its source: HTTP ranges, streams, files, parts of them, NBD."""

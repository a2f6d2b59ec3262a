"""Inventories as files, tables and differences: what `mtv inventory` stands on."""

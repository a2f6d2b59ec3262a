"""Measures what mtv promises; each module is a program."""

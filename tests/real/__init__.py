"""Starters of real parts (guests, a vCenter, QEMU), shared by the demo and the tests."""

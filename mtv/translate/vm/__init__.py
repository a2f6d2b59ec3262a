"""The VM itself: firmware, processor, memory, devices, clock, guest, life cycle."""

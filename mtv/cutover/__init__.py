"""Moving VMs over: steps, a wave of VMs, workers.

    wave ── carry_over(VM) ── power-off → sync → [convert → commit] → boot
                                 │         │       │        │         │
                               source    worker  worker  qemu-img   worker

``steps`` has one short handler each, ``batch`` walks VMs through them and writes the journal. They
stand on three parts, each of which knows only those before it: ``workers``, ``moves``, ``passes``.
"""

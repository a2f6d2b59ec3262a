"""Moving VMs over: steps, a wave of VMs, workers.

    wave ── cut_over(VM) ── power-off → sync → [convert → commit] → [detach] → boot → let-go
                               │         │        │        │           │        │       │
                             source    worker   worker  qemu-img     source   worker  source

``steps`` has one short handler each (``luns`` that of detach), ``batch`` walks VMs through them and
writes the journal. They stand on three parts, each of which knows only those before it:
``workers``, ``moves``, ``passes``.
"""

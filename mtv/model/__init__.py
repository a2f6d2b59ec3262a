"""The nouns of mtv, as frozen data. Read this folder first.

    Inventory (one source) ─┐                       Target      SiteMapping
    Inventory (another)  ───┴─> Estate ──┐             │             │
                                         v             v             v
                          Concern <── assess       translate ──> manifests, Ledger
                             │                         │
                             v                         v
                            Plan of Waves of PlannedVm ──> tasks ──> Evidence

``estate.py`` is the inventory as a whole; its parts are ``vm.py``, ``storage.py``, ``network.py``,
``compute.py``, ``organisation.py`` and ``performance.py``.

Nothing in here imports anything else of mtv, opens a file or speaks to a network. Quantities
carry their unit in the name (``_bytes``, ``_seconds``); a value that a source did not give is
``None``, never 0 or "".
"""

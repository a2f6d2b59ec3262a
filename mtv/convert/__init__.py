"""Makes a copied guest fit for KVM, with virt-v2v, on overlays of its disks.

    base (exact copy) <── overlay (qcow2) <── virt-v2v-in-place writes here only
          └──────── commit ─────────┘  when the boot check has passed

The base stays what the source had until the commit; a conversion that fails or is killed costs an
overlay and nothing else.
"""

"""Secrets that must never leave an estate's answers: a collector's files are searched for them."""

import base64

CANARIES = {
    "script": "canary-rhv-script-91c2",
    "sysprep": "canary-rhv-sysprep-5d07",
    "old_script": "canary-rhv-oldscript-4e72",
    "root_password": "canary-rhv-rootpw-a3f8",
    "custom_property": "canary-rhv-property-77be",
    "payload": "canary-rhv-payload-2b60",
    "license_key": "canary-rhv-license-c41d",
    "fence": "canary-rhv-fence-08ea",
    "chap": "canary-rhv-chap-e615",
    "lun_chap": "canary-rhv-lunchap-3c9a",
    "provider": "canary-rhv-provider-f2d4",
    "driver_option": "canary-rhv-driveropt-6a17",
    "nvram": "canary-rhv-nvram-b853",
    "tpm": "canary-rhv-tpm-19fc",
}
"""Where it is planted -> the text. TPM and NVRAM carry theirs in base64, as `ENCODED` shows them.

Real engines give no passwords back (fence agents, CHAP, providers, root): here they do, so that
the search is worth something.
"""

ENCODED = {
    kind: base64.b64encode(f"{CANARIES[kind]} {'.' * 600}".encode()).decode()
    for kind in ("nvram", "tpm")
}
"""The contents of TPM and NVRAM as they stand in the OVF."""

"""A Provider for each source. Secrets are named, never written: the admin makes them."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from mtv.config import SourceSettings
from mtv.model.estate import Inventory
from mtv.translate.forklift.resources import reference, resource
from mtv.translate.part import Manifest

TYPES = {"vsphere": "vsphere", "rhv": "ovirt"}
"""Product of ours -> Forklift's type."""

PATHS = {"vsphere": "/sdk", "rhv": "/ovirt-engine/api"}
"""Where the API is, when the url of mtv.yaml names the server only."""


def provider(
    inventory: Inventory,
    settings: SourceSettings,
    name: str,
    namespace: str,
    vddk_image: str | None = None,
) -> Manifest:
    """The Provider of one source (vSphere, RHV) that mtv.yaml has a url for."""
    made = resource(
        "Provider",
        name,
        namespace,
        {
            "type": TYPES[inventory.product],
            "url": url_of(inventory.product, str(settings.url)),
            "secret": reference(name, namespace),
        },
        source=inventory.source,
    )
    if inventory.product == "vsphere":
        made["spec"]["settings"] = _settings(inventory, vddk_image)
    return made


def _settings(inventory: Inventory, vddk_image: str | None) -> dict[str, str]:
    lone_host = inventory.version.startswith("HostAgent")
    said = {"sdkEndpoint": "esxi" if lone_host else "vcenter"}
    if vddk_image:
        said["vddkInitImage"] = vddk_image
    return said


def url_of(product: str, url: str) -> str:
    """The url of the API."""
    bare = urlsplit(url).path in ("", "/")
    return url.rstrip("/") + PATHS[product] if bare else url


def secret_lines(
    inventory: Inventory, settings: SourceSettings, name: str, namespace: str
) -> tuple[str, ...]:
    """How the admin makes the Secret of a Provider, without any value."""
    keys: Mapping[str, str] = {
        "from-literal=user": "USER",
        "from-file=password": "FILE",
        "from-literal=insecureSkipVerify": "false",
        "from-file=ca.crt": "CA.pem",
        "from-file=cacert": "CA.pem",
        "from-literal=url": url_of(inventory.product, str(settings.url)),
    }
    command = [f"oc create secret generic {name} --namespace {namespace}"]
    command += [f"  --{key}={value}" for key, value in keys.items()]
    if inventory.product == "vsphere":
        command.append("  --from-literal=thumbprint=SHA1-FINGERPRINT")
    return tuple(" \\\n".join(command).splitlines())

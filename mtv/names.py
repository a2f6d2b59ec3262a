"""Names for Kubernetes objects, made from the names of the source.

RFC 1123 labels: at most 63 of a-z, 0-9 and ``-``, first and last a letter or digit. The same
estate always gives the same names, and one VM's name does not depend on the others', except
where two names become one: those get a suffix made from their refs. Once a VM is planned, the
plan's name is its name.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping

LONGEST = 63

# A disk's PVC is called <vm>-disk-<key>; vSphere's keys have at most five digits.
LONGEST_VM = LONGEST - len("-disk-99999")

LONGEST_KEY = LONGEST - len("disk-") - len("-12345678")
"""Of a disk's key in the name of its volume; an RHV disk's id has 36 letters."""

NAMELESS = "unnamed"
"""What is called so has nothing in its name that could stay."""

SUFFIX_DIGITS = 8
"""Two of a thousand VMs with the same name get the same suffix once in 8,000 estates."""

RESERVED = frozenset({"kustomization"})
"""A VM's manifests stand in a file named after it, next to ``kustomization.yaml``."""

_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


def label(text: str, longest: int = LONGEST) -> str:
    """A text as an RFC 1123 label; ``unnamed`` when nothing of it can stay."""
    return plain(text)[:longest].strip("-") or NAMELESS


def plain(text: str) -> str:
    """A text in the letters of a label; it may be empty, or begin or end with ``-``."""
    found = unicodedata.normalize("NFC", text).lower().translate(_GERMAN)
    found = unicodedata.normalize("NFKD", found).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", found)


def unique_labels(
    texts: Mapping[str, str], longest: int = LONGEST, kept: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Ref -> name, for objects of one kind: ``texts`` is ref -> what the source calls it.

    A name depends on the others only where two become one: then each gets a suffix made from its
    ref. ``kept``: ref -> name of those that have one already.
    """
    settled = dict(kept or {})
    wanted = {ref: settled.get(ref) or label(text, longest) for ref, text in texts.items()}
    times = Counter(wanted.values())
    return {
        ref: name
        if ref in settled or (times[name] == 1 and name not in RESERVED)
        else _suffixed(name, ref, times, longest)
        for ref, name in wanted.items()
    }


def distinct(key: str) -> str:
    """A disk's key as a label.

    One that cannot stay as it is gets a part of its digest: two keys never become one.
    """
    short = label(key, LONGEST_KEY)
    return short if short == key else f"{short}-{_digest(key)[:SUFFIX_DIGITS]}"


def short_digest(text: str) -> str:
    """A few hex digits that tell one text from another, for a part of a name."""
    return _digest(text)[:SUFFIX_DIGITS]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _suffixed(name: str, ref: str, taken: Counter[str], longest: int) -> str:
    """The name with a part of its ref's digest, which no other has as its own name."""
    digest = _digest(ref)
    for digits in range(SUFFIX_DIGITS, len(digest)):
        suffixed = f"{name[: longest - 1 - digits].strip('-')}-{digest[:digits]}"
        if suffixed not in taken:
            return suffixed
    raise AssertionError("something is called by the digest of its ref")

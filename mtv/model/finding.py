"""What the translation found about an object: open questions, losses, contradictions."""

import msgspec

from mtv.model.concern import Category


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One finding, with its remedy.

    A *blocker* is something that a person has to decide or mend first: what it is about is left
    out, or not as it was, and the command ends with 3. A *warning* is a loss or an approximation,
    an *information* what one should know.
    """

    row: str
    """Id of the row of the terminology mapping that it comes from."""
    category: Category
    ref: str
    """The object it is about: ``<source>/<id>``; "" for several, the target, the mapping."""
    name: str
    says: str
    remedy: str
    vms: tuple[str, ...] = ()
    """Refs of the VMs whose own properties it is about, where these are several, or others than
    ``ref``: ``mtv explain`` shows it with each of them."""
    holds_back: tuple[str, ...] = ()
    """Refs of the VMs that are not translated until a blocker is settled."""

"""The JSON Schema of ``inventory/<source>.json``."""

from typing import Any

from mtv.model.estate import FORMAT, Inventory
from mtv.schemas import schema_of


def schema() -> dict[str, Any]:
    """The JSON Schema of the file, with the model's own words as descriptions."""
    made = schema_of(Inventory, "mtv inventory")
    made["$defs"]["Inventory"]["required"].append("format")
    made["$defs"]["Inventory"]["properties"]["format"] = {"const": FORMAT}
    return made

"""Text from a source in a file that a spreadsheet opens."""


def inert(text: str) -> str:
    """A cell in one line that no spreadsheet takes for a formula, blanks before it or not.

    What would be calculated gets an apostrophe; control characters become blanks.
    """
    line = "".join(c if c.isprintable() else " " for c in text)
    return f"'{line}" if line.lstrip()[:1] in ("=", "+", "-", "@") else line

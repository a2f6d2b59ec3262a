"""The report: what the estate is, what became of it, and the evidence.

``facts`` gathers, ``pages`` writes: one self-contained HTML page, JSON and CSV.
"""

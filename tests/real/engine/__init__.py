"""The stand-in RHV engine: a program that answers like one, over ovirtsdk4's own types and writers.

It holds an estate (`estate.py`) of the SDK's type objects and has the SDK's writers turn them into
XML; what those leave out (hrefs, links, actions) is added here. Start it with `tests.real.rhv`.
"""

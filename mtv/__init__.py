"""mtv moves virtual machines to OpenShift Virtualization, with the platform around them.

Start reading at ``mtv/model``; ``docs/architecture.md`` has the picture.
"""

__version__ = "0.1.0"

"""Tests of mtv; real/ starts the real parts that they talk to."""

from hypothesis import settings

# No deadline: how long an example takes says more about the machine's load than about us.
# Derandomized, so that a run depends on nothing but the tree.
settings.register_profile("mtv", deadline=None, max_examples=80, derandomize=True)
settings.load_profile("mtv")

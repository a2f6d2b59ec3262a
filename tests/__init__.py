"""Tests of mtv; real/ starts the real parts that they talk to."""

"""Decoding in several threads."""

import contextlib

import msgspec


def ready_for_threads() -> None:
    """Has msgspec describe every struct there is, in this one thread, before others decode.

    It makes the description of a class when that is first decoded into, and while it does, another
    thread that needs the same class finds half of it: the process crashes (msgspec 0.22). Modules
    have to be imported before.
    """
    waiting = list[type[msgspec.Struct]](msgspec.Struct.__subclasses__())
    while waiting:
        noun = waiting.pop()
        waiting += noun.__subclasses__()
        with contextlib.suppress(TypeError):  # it has a type that nobody can decode into
            msgspec.json.Decoder(noun)

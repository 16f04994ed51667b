"""triton for modules that must be importable and are never called: every name is there, every
decorator does nothing.
"""

import sys

__version__ = "3.0.0"


class Anything:
    def __getattr__(self, name):
        return Anything()

    def __call__(self, *args, **named):
        plain = args and callable(args[0]) and not isinstance(args[0], Anything)
        return args[0] if plain else Anything()

    def __getitem__(self, index):
        return self

    def __mul__(self, other):
        return self

    __rmul__ = __mul__


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return Anything()


sys.modules[f"{__name__}.language"] = sys.modules[__name__]

"""For all tests: drawn examples take as long as the machine needs, and a failure prints how to repeat it."""

from hypothesis import settings

settings.register_profile("steno", deadline=None, print_blob=True)
settings.load_profile("steno")

"""What holds for all tests."""

from hypothesis import settings

# A slow machine is no finding; tests have a time limit of their own.
settings.register_profile("adjutant", deadline=None)
settings.load_profile("adjutant")

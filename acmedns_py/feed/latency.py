"""The bounds of what workers count of their answers' time, the same at both ends of the feed."""

from typing import Final

from acmedns_py.histogram import Seen

BOUNDS_SECONDS: Final = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25)
"""An answer takes some 10 us, a full batch 1 ms; what is beyond tells of a processor that others had."""

NOTHING: Final = Seen((0,) * (len(BOUNDS_SECONDS) + 1), 0.0)

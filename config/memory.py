"""How often Python looks for garbage that refers to itself."""

import gc

# Python's own 700 makes a report of a large month a fifth slower: it looks through all rows again and again.
_NEW_OBJECTS = 50_000


def look_less_often() -> None:
    """For once everything is loaded: what is loaded stays, and is not looked through again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 20, 20)

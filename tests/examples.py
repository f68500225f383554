"""How many examples a property gets."""

import os


def examples(enough: int) -> int:
    """Give as many as are enough, or two fifths of them in `make test`, which is run many times a day.

    `make test-all` and the judging of mutants, which set ``HYPOTHESIS_PROFILE``, get all of them.
    """
    return enough if os.environ.get("HYPOTHESIS_PROFILE", "default") != "default" else max(5, 2 * enough // 5)

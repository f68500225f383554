"""Project tools."""

import quant_resources  # noqa: F401 - settings of the process, before anything imports Arrow

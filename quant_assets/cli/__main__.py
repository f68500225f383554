"""`python -m quant_assets.cli` is `quant`."""

from quant_assets.cli.main import main

main()

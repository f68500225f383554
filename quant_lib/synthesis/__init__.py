"""Strategy synthesis: atoms, their synthetic long streams, and the way back to physical positions.

An atom is (asset, logic, direction, timescale). Optimisers see only streams in
which a positive weight is a bet on the atom; `flatten` maps the weights back to
signed physical positions and `sign_test` proves that nothing flipped on the way.
"""

from __future__ import annotations

from quant_lib.synthesis._atoms import atom_identifier, make_atoms
from quant_lib.synthesis._errors import (
    AtomError,
    ConservationError,
    DirectionalSignError,
    MissingStreamError,
    UnknownAtomError,
)
from quant_lib.synthesis._flatten import Flattened, PositionRow, flatten, flatten_legs, position_frame
from quant_lib.synthesis._legs import Leg, read_legs
from quant_lib.synthesis._sign_test import SignTest, sign_test
from quant_lib.synthesis._sign_types import SignFinding
from quant_lib.synthesis._streams import synthetic_returns

__all__ = [
    "AtomError",
    "ConservationError",
    "DirectionalSignError",
    "Flattened",
    "Leg",
    "MissingStreamError",
    "PositionRow",
    "SignFinding",
    "SignTest",
    "UnknownAtomError",
    "atom_identifier",
    "flatten",
    "flatten_legs",
    "make_atoms",
    "position_frame",
    "read_legs",
    "sign_test",
    "synthetic_returns",
]

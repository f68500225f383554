"""Directional sign test: a short bet is a short position at every step (semantics 10.8)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import pandas as pd

from quant_lib.synthesis._errors import DirectionalSignError
from quant_lib.synthesis._legs import Leg, read_legs
from quant_lib.synthesis._sign_positions import position_findings
from quant_lib.synthesis._sign_types import SignFinding, error, warning

FACTOR = {"LONG": 1.0, "SHORT": -1.0}


@dataclass(frozen=True)
class SignTest:
    """Outcome of the directional sign test.

    Parameters
    ----------
    findings : tuple of SignFinding
        Everything found, in a stable order.
    n_atoms_checked : int
        Atoms whose stream was compared with the physical returns.
    n_rows_checked : int
        Sessions both had in common.
    """

    findings: tuple[SignFinding, ...]
    n_atoms_checked: int
    n_rows_checked: int

    @property
    def errors(self) -> int:
        """Findings that stop the sleeve."""
        return sum(finding.level == "ERROR" for finding in self.findings)

    @property
    def warnings(self) -> int:
        """Findings a person should read."""
        return sum(finding.level == "WARN" for finding in self.findings)

    @property
    def passed(self) -> bool:
        """Whether nothing stops the sleeve."""
        return self.errors == 0

    def to_frame(self) -> pd.DataFrame:
        """Tabulate findings as ``level``, ``code``, ``run_id``, ``symbol``, ``message``."""
        rows = [(f.level, f.code, f.run_id, f.symbol, f.message) for f in self.findings]
        return pd.DataFrame(rows, columns=["level", "code", "run_id", "symbol", "message"], dtype="str")

    def raise_for_errors(self) -> None:
        """Raise `DirectionalSignError` naming the first errors, if there are any."""
        if not self.passed:
            first = tuple(f"{f.code} {f.symbol}".strip() for f in self.findings if f.level == "ERROR")[:5]
            raise DirectionalSignError(self.errors, first)


def sign_test(
    streams: pd.DataFrame | None,
    returns: pd.DataFrame | None,
    atoms: pd.DataFrame,
    *,
    direction: str | None = None,
    weights: pd.DataFrame | None = None,
    positions: pd.DataFrame | None = None,
    winners: Collection[str] | None = None,
    run_id: str = "",
    atol: float = 1e-12,
) -> SignTest:
    """Test that streams, atom weights and physical positions carry the direction of their atoms.

    Run it before optimisation with the streams alone, and after flattening with
    `weights` and `positions` of all engines and risk profiles. A decision that
    holds only cash has no atoms and nothing to test; do not call it there, since
    a directional sleeve without atoms is an error here.

    Parameters
    ----------
    streams : DataFrame or None
        Synthetic long returns, sessions by atom id. None where absent.
    returns : DataFrame or None
        Physical returns, sessions by symbol. None where absent.
    atoms : DataFrame
        Rows of the ``atoms`` table.
    direction : {"LONG", "SHORT"}, optional
        The one side a directional sleeve may take.
    weights : DataFrame, optional
        ``atom_id`` and ``weight``, with ``engine`` and ``risk_profile`` where
        there are several allocations.
    positions : DataFrame, optional
        ``symbol``, ``net_weight`` and ``direction``, with ``engine`` and
        ``risk_profile`` as in `weights`.
    winners : collection of str, optional
        Symbols that were recruited: each must be a leg of an atom, and no other may be.
    run_id : str
        Copied into each finding.
    atol : float
        Largest absolute difference of a return that counts as equal. A missing
        value equals nothing.

    Returns
    -------
    SignTest
        Findings of level ``ERROR`` or ``WARN``. What could not be checked is an
        error, never a pass.
    """
    legs = read_legs(atoms)
    findings = [*_absent(streams, returns), *_atom_findings(legs, direction), *_winner_findings(legs, winners)]
    checked = rows = 0
    if streams is not None and returns is not None and streams.size and returns.size:
        common = streams.index.intersection(returns.index)
        rows = len(common)
        compared = list(_compare(streams.loc[common], returns.loc[common], legs, atol))
        findings += [finding for _, finding in compared if finding is not None]
        checked = sum(done for done, _ in compared)
        findings += _coverage(streams, legs, rows)
    findings += position_findings(legs, weights, positions)
    labelled = tuple(SignFinding(f.level, f.code, f.symbol, f.message, run_id) for f in findings)
    return SignTest(labelled, checked, rows)


def _absent(streams: pd.DataFrame | None, returns: pd.DataFrame | None) -> Iterator[SignFinding]:
    for suffix, frame, name in (("SYNTHETIC", streams, "synthetic streams"), ("RAW", returns, "physical returns")):
        if frame is None:
            yield error(f"SIGNTEST_MISSING_{suffix}", f"{name} are absent")
        elif not frame.size:
            yield error(
                f"SIGNTEST_EMPTY_{suffix}", f"{name} have {len(frame)} sessions and {len(frame.columns)} columns"
            )


def _atom_findings(legs: dict[str, list[Leg]], direction: str | None) -> Iterator[SignFinding]:
    if not legs and direction is None:
        yield warning("SIGNTEST_NO_ATOMS", "there are no atoms, nothing was checked")
    elif not legs:
        yield error("SIGNTEST_NO_ATOMS", f"a {direction} sleeve has no atoms, nothing was checked")
    for atom_id, of_atom in legs.items():
        stated = of_atom[0].direction
        if direction is not None and stated != direction:
            message = f"{atom_id} is {stated} in a {direction} sleeve"
            yield error("SIGNTEST_WRONG_DIRECTION", message, _symbols(of_atom))
        # A leg of a spread may oppose its atom; the only leg may not.
        if len(of_atom) == 1 and not of_atom[0].factor * FACTOR.get(stated, float("nan")) > 0.0:
            message = f"{atom_id} is {stated} with factor {of_atom[0].factor!r}"
            yield error("SIGNTEST_FACTOR_MISMATCH", message, _symbols(of_atom))


def _winner_findings(legs: dict[str, list[Leg]], winners: Collection[str] | None) -> Iterator[SignFinding]:
    if winners is None:
        return
    bet_on = {leg.symbol for of_atom in legs.values() for leg in of_atom}
    for symbol in sorted(set(winners) - bet_on):
        yield error("SIGNTEST_MISSING_ATOM", f"{symbol} was recruited and has no atom", symbol)
    for symbol in sorted(bet_on - set(winners)):
        yield error("SIGNTEST_UNKNOWN_WINNER", f"an atom holds {symbol}, which was not recruited", symbol)


def _coverage(streams: pd.DataFrame, legs: dict[str, list[Leg]], rows: int) -> Iterator[SignFinding]:
    if rows == 0:
        yield error("SIGNTEST_NO_ROWS", "streams and physical returns have no session in common")
    for unknown in sorted(set(streams.columns) - set(legs)):
        yield error("SIGNTEST_UNKNOWN_STREAM", f"stream {unknown} belongs to no atom")


def _compare(
    streams: pd.DataFrame, returns: pd.DataFrame, legs: dict[str, list[Leg]], atol: float
) -> Iterator[tuple[bool, SignFinding | None]]:
    """(was it compared, what was found) of each atom, in order of atom id."""
    for atom_id, of_atom in legs.items():
        if absent := sorted({leg.symbol for leg in of_atom} - set(returns.columns)):
            message = f"{atom_id}: no physical returns of {', '.join(absent)}, it could not be checked"
            yield False, error("SIGNTEST_MISSING_PHYSICAL_COL", message, _symbols(of_atom))
        elif atom_id not in streams.columns:
            yield False, error("SIGNTEST_MISSING_STREAM", f"{atom_id} has no stream", _symbols(of_atom))
        else:
            yield len(streams) > 0, _mismatch(streams[atom_id], returns, of_atom, atol)


def _mismatch(stream: pd.Series, returns: pd.DataFrame, legs: list[Leg], atol: float) -> SignFinding | None:
    """Compare one stream with its legs, recomputed here so that the test shares no code with what it tests."""
    expected = pd.Series(0.0, index=returns.index)
    for leg in legs:
        held = returns[leg.symbol]
        expected = expected + (held if leg.factor > 0 else -held.clip(upper=1.0)) * abs(leg.factor)
    gap = (stream - expected).abs()
    wrong = ~(gap <= atol)  # true for NaN too: NaN equals nothing
    if not wrong.any():
        return None
    short = legs[0].direction == "SHORT"
    code = "SIGNTEST_SHORT_NOT_INVERTED" if short else "SIGNTEST_LONG_MISMATCH"
    undefined = int(gap.isna().sum())
    message = (
        f"{stream.name}: {int(wrong.sum())} of {len(gap)} sessions differ from "
        f"{'-min(r, 1)' if short else 'r'}, first at {gap.index[wrong.to_numpy()][0]}, "
        f"largest difference {gap.max():.3g}, {undefined} undefined"
    )
    return error(code, message, _symbols(legs))


def _symbols(legs: list[Leg]) -> str:
    return ", ".join(leg.symbol for leg in legs)

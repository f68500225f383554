"""The coverage artifact: how complete a snapshot was, as evidence a promotion can cite (semantics 3.2)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Final, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from quant_lib.errors import QuantError

COVERAGE_FILE: Final = "feature_ingest_coverage.json"
SCHEMA_VERSION: Final = 1


@dataclass(eq=False)
class InvalidCoverageError(QuantError):
    """A coverage artifact that is missing, unreadable or breaks its schema."""

    where: str
    problem: str

    def __str__(self) -> str:
        return f"coverage artifact {self.where}: {self.problem}; {self.fix}"

    @property
    def fix(self) -> str:
        """How to get a sound one."""
        return "materialise technicals again on the day it is for, or waive the gate with a rationale"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Attempt(_Model):
    """One attempt of a snapshot."""

    idx: Annotated[int, Field(ge=1, description="Number of the attempt, counted from 1.")]
    fetched: Annotated[int, Field(ge=0, description="Symbols this attempt brought.")]
    failed: Annotated[int, Field(ge=0, description="Symbols still without a row after it.")]
    duration_s: Annotated[float, Field(ge=0.0, description="Wall time in seconds.")]


class CoverageArtifact(_Model):
    """What was asked for, what came, and what did not."""

    schema_version: Literal[1] = Field(1, description="Version of this schema.")
    run_id: Annotated[str, Field(min_length=1, description="Run that took the snapshot.")]
    profile: Annotated[str, Field(min_length=1, description="Profile the run was for; dataops for shared facts.")]
    started_at: AwareDatetime = Field(description="When the snapshot began, UTC.")
    workers: Annotated[int, Field(ge=1, description="Requests in flight at most.")]
    requested: Annotated[int, Field(ge=0, description="Symbols asked for.")]
    coverage: Annotated[float, Field(ge=0.0, le=1.0, description="Share of them with a row.")]
    attempts: Annotated[
        list[Attempt],
        Field(min_length=1, description="In order; what earlier runs of the day had brought is the first."),
    ]
    failed_symbols: list[str] = Field(description="Symbols without a row, sorted, each once.")

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if [attempt.idx for attempt in self.attempts] != list(range(1, len(self.attempts) + 1)):
            raise ValueError("attempts: idx must count 1, 2, 3, ...")
        if self.failed_symbols != sorted(set(self.failed_symbols)):
            raise ValueError("failed_symbols: must be sorted, each once")
        fetched = self.requested - len(self.failed_symbols)
        if fetched != sum(attempt.fetched for attempt in self.attempts):
            raise ValueError("attempts: fetched must add up to requested less failed_symbols")
        if self.attempts[-1].failed != len(self.failed_symbols):
            raise ValueError("attempts: the last one's failed must be the number of failed_symbols")
        expected = fetched / self.requested if self.requested else 1.0
        if abs(self.coverage - expected) > 1e-9:
            raise ValueError(f"coverage: must be {expected}")
        return self

    @property
    def duration_s(self) -> float:
        """Wall time of all attempts, seconds."""
        return sum(attempt.duration_s for attempt in self.attempts)

    @property
    def fetched(self) -> int:
        """Symbols with a row."""
        return self.requested - len(self.failed_symbols)

    def to_bytes(self) -> bytes:
        """JSON of the artifact, with a newline at its end."""
        return self.model_dump_json(indent=2).encode() + b"\n"


def read_coverage(content: bytes, where: str) -> CoverageArtifact:
    """Read and judge an artifact.

    Parameters
    ----------
    content : bytes
        JSON.
    where : str
        Where it came from, for messages.

    Raises
    ------
    InvalidCoverageError
        Empty, not JSON, a field missing, unknown or impossible.
    """
    if not content.strip():
        raise InvalidCoverageError(where, "the file is empty")
    try:
        return CoverageArtifact.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InvalidCoverageError(where, f"{place}: {first['msg']}" if place else str(first["msg"])) from None


def coverage_of(
    *,
    run_id: str,
    profile: str,
    started_at: dt.datetime,
    workers: int,
    requested: int,
    attempts: tuple[Attempt, ...],
    failed_symbols: list[str],
) -> CoverageArtifact:
    """Build the artifact of a snapshot; its share follows from the counts."""
    failed = sorted(set(failed_symbols))
    return CoverageArtifact(
        schema_version=SCHEMA_VERSION,
        run_id=run_id,
        profile=profile,
        started_at=started_at,
        workers=workers,
        requested=requested,
        coverage=(requested - len(failed)) / requested if requested else 1.0,
        attempts=list(attempts),
        failed_symbols=failed,
    )

"""``metas/*.yaml``: a portfolio whose assets are finished sleeves, or other metas (semantics 10.1)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from quant_resources.config._types import ConfigModel, Fraction, Name, PositiveFraction, Text

MetaRiskProfile = Literal["equal_weight", "hrp", "min_variance", "risk_parity", "max_sharpe", "barbell"]


class MetaSleeveConfig(ConfigModel):
    """One member: a sleeve, or a meta as a whole."""

    id: Name = Field(description="Name of the member inside this meta: the column of its returns.")
    profile: Name | None = Field(None, description="Sleeve; write this or `meta`.")
    meta: Name | None = Field(None, description="Meta, as one member; write this or `profile`.")

    @model_validator(mode="after")
    def _one_of_both(self) -> MetaSleeveConfig:
        if (self.profile is None) == (self.meta is None):
            raise ValueError("must name either a profile or a meta")
        return self

    @property
    def target(self) -> str:
        """Name of the sleeve or meta."""
        return self.profile or self.meta or ""


class MetaAllocationConfig(ConfigModel):
    """How capital is divided among the members."""

    engine: Literal["custom"] = Field("custom", description="Optimiser.")
    risk_profile: MetaRiskProfile = Field("hrp", description="Objective.")
    min_weight: Fraction = Field(0.05, description="Least share of capital of one member.")
    max_weight: PositiveFraction = Field(0.5, description="Largest share of capital of one member.")


class MetaConfig(ConfigModel):
    """One meta portfolio."""

    name: Name = Field(description="Name of the file, without .yaml.")
    description: Text = Field(description="What it is for, in a sentence.")
    sleeves: Annotated[tuple[MetaSleeveConfig, ...], Field(min_length=1)] = Field(description="Members.")
    allocation: MetaAllocationConfig = Field(MetaAllocationConfig(), description="How capital is divided.")
    sign_gate: bool = Field(
        True, description="Whether the directional sign test of every member must pass before they are joined."
    )
    single_sleeve: bool = Field(False, description="Whether one member is meant; otherwise two are needed.")

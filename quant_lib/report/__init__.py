"""Tear sheet of a sleeve: one self-contained HTML page, Markdown, a PNG and the same numbers as JSON."""

from __future__ import annotations

from quant_lib.report.build import Report, build_report
from quant_lib.report.inputs import UNKNOWN, ReportInputs

__all__ = ["UNKNOWN", "Report", "ReportInputs", "build_report"]

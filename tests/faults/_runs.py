"""A process that runs Dagster runs, for tests that start several at once: ``steps N`` or ``health DATE ...``."""

import sys

import dagster as dg

from quant_assets import home
from quant_assets.configured import load_configured


def say(*facts):
    sys.stdout.write(" ".join(map(str, facts)) + "\n")
    sys.stdout.flush()


def steps(count):
    """One run of many small steps, on the home's own instance."""

    def numbered(k):
        @dg.asset(name=f"step_{k:03}", deps=[f"step_{k - 1:03}"] if k else None)
        def made():
            return dg.MaterializeResult(metadata={"k": k})

        return made

    settings, _ = load_configured()
    with home.dagster_instance(settings) as instance:
        result = dg.materialize([numbered(k) for k in range(count)], instance=instance, raise_on_error=False)
        done = sum(event.is_step_success for event in result.all_events)
    say(done)
    return 0 if result.success and done == count else 1


def health(dates):
    """Judge the bars of some dates, one run each, as `quant run` does."""
    import datetime as dt

    from quant_assets import keys
    from quant_assets.cli.execution import execute

    settings, project = load_configured()
    home.prepare_home(settings)
    for text in dates:
        outcome = execute(settings, project, [keys.OHLCV_HEALTH], dt.date.fromisoformat(text), quiet=True)
        say(text, outcome.success, outcome.failed_checks, [step.message for step in outcome.steps.values()])
        if not outcome.success:
            return 1
    return 0


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    raise SystemExit(steps(int(rest[0])) if what == "steps" else health(rest))

"""``abate fit``: a population's parameters, one person's posterior, or a PEtab problem."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from abate.cli import fit_options as o
from abate.cli.output import Json, Out, Seed, Set, changes

__all__ = ["fit"]


def fit(
    model: o.ModelName,
    dataset: o.DatasetFile = None,
    people: o.People = 512,
    population: o.PopulationName = "auto",
    covariate: o.CovariateEffects = None,
    correlate: o.Correlate = None,
    independent: o.Independent = False,
    fix: o.Fix = None,
    estimate: o.EstimateToo = None,
    no_eta: o.NoEta = None,
    iov: o.Occasions = None,
    error: o.ErrorKinds = None,
    dv: o.Observed = None,
    dose_rate: o.DoseRate = None,
    dose_duration: o.DoseDuration = None,
    time_unit: o.TimeUnit = None,
    iterations: o.Iterations = "300,200",
    chains: o.Chains = 0,
    samples: o.Samples = 2000,
    bootstrap: o.BootstrapSets = 0,
    bayes: o.Bayes = False,
    draws: o.Draws = 500,
    prior: o.Priors = None,
    workers: o.Workers = None,
    settings: Set = None,
    seed: Seed = 1,
    json_: Json = False,
    out: Out = None,
) -> None:
    """Fit a population by SAEM, infer one patient's parameters, or estimate those of a PEtab problem."""
    from abate.ground.errors import InputError

    if dataset is None:
        if not model.endswith((".yaml", ".yml")):
            raise InputError("DATASET", "the data are missing", allowed="a CSV file after MODEL, or a PEtab problem")
        from abate.cli.fit_petab import fit_petab

        fit_petab(Path(model), seed, json_, out)
        return
    chosen = _model(model, settings)
    if _is_patient(dataset):
        from abate.cli.fit_person import fit_patient

        fit_patient(chosen, dataset, people, population, seed, json_, out)
        return
    if correlate and independent:
        raise InputError("--independent", "contradicts --correlate", value=correlate)
    if prior and not bayes:
        raise InputError("--prior", "only a posterior has a prior", value=prior, hint="add --bayes")
    from abate.cli.fit_population import Task, fit_dataset
    from abate.inference.nlme import Choices

    blocks = tuple(tuple(n.strip() for n in group.split(",")) for group in correlate or ())
    choices = Choices(
        estimate=tuple(estimate or ()),
        fix=tuple(fix or ()),
        no_eta=tuple(no_eta or ()),
        covariates=tuple(covariate or ()),
        correlate=blocks if correlate or independent else None,
        error=_by_name(error),
        occasions=tuple(n.strip() for word in iov or () for n in word.split(",")),
    )
    task = Task(
        model=chosen, path=dataset, choices=choices, plan=_plan(iterations, chains),
        outputs=tuple(n.strip() for n in dv.split(",")) if dv else (), rates=_by_name(dose_rate),
        durations=_by_name(dose_duration), time_unit=time_unit, samples=samples, bootstrap=bootstrap,
        draws=draws if bayes else 0, priors=_priors(prior), workers=workers, seed=seed,
    )  # fmt: skip
    fit_dataset(task, json_, out)


def _model(name: str, settings: list[str] | None) -> Any:
    from abate.science.model import load

    chosen = load(name)
    if settings:
        from abate.trial.values import model_values

        chosen = chosen.with_values(model_values(chosen, changes(settings)))
    return chosen


def _is_patient(path: Path) -> bool:
    from abate.ground.errors import InputError

    try:
        with path.open(encoding="utf-8-sig") as file:
            first = file.readline()
    except FileNotFoundError as error:
        raise InputError(str(path), "there is no such file", hint="check the name") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(str(path), "the file cannot be read as UTF-8 text") from error
    return "kind" in {name.strip().strip('"').lower() for name in first.split(",")}


def _by_name(given: list[str] | None) -> dict[str, str]:
    """Split ``NAME=VALUE``; a bare value serves every name."""
    found = {}
    for word in given or []:
        name, equals, value = word.partition("=")
        found[name.strip() if equals else ""] = (value if equals else word).strip()
    return found


def _plan(iterations: str, chains: int) -> Any:
    from abate.ground.errors import InputError
    from abate.inference.nlme import Plan

    parts = iterations.split(",")
    if len(parts) != 2 or not all(p.strip().isdigit() and int(p) > 0 for p in parts):
        raise InputError("--iterations", "not two counts", value=iterations, allowed="like 300,200")
    return Plan(int(parts[0]), int(parts[1]), chains)


def _priors(given: list[str] | None) -> dict[str, tuple[float, ...]]:
    from abate.ground.errors import InputError

    found = {}
    for word in given or []:
        name, equals, numbers = word.rpartition("=")
        try:
            values = tuple(float(n) for n in numbers.split(","))
        except ValueError:
            values = ()
        if not equals or not values:
            raise InputError("--prior", "not a prior", value=word, allowed="CL=3,0.3 or eta.CL=0.5")
        found[name.strip()] = values
    return found

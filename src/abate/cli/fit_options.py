"""The options of ``abate fit``, each with its panel of the help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

PERSON, POPULATION, BAYES = "One patient", "A population", "A population's posterior"


def _in(panel: str | None, *names: str, **settings: Any) -> Any:
    """Return an option in a panel of the help."""
    return typer.Option(*names, rich_help_panel=panel, **settings)


ModelName = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="il6_blockade/gca, pk1_oral ..., a model file, or a PEtab problem (.yaml)."),
]
DatasetFile = Annotated[
    Path | None,
    typer.Argument(metavar="[DATASET]", help="NONMEM-format CSV, or one patient's CSV (column kind)."),
]
People = Annotated[int, _in(PERSON, "--people", min=16, help="Virtual people of the posterior.")]
PopulationName = Annotated[
    str, _in(PERSON, "--population", help="Covariates that the file lacks: auto, none, or a population.")
]
CovariateEffects = Annotated[
    list[str] | None, _in(POPULATION, "--covariate", help="CL~WT or CL~log(WT/70); may be repeated.")
]
Correlate = Annotated[list[str] | None, _in(POPULATION, "--correlate", help="CL,V: estimate their correlation.")]
Independent = Annotated[bool, _in(POPULATION, "--independent", help="No correlations, also not the model's own.")]
Fix = Annotated[list[str] | None, _in(POPULATION, "--fix", help="Hold a parameter.")]
EstimateToo = Annotated[list[str] | None, _in(POPULATION, "--estimate", help="Estimate one that does not vary.")]
NoEta = Annotated[list[str] | None, _in(POPULATION, "--no-eta", help="Estimate without a random effect.")]
Occasions = Annotated[
    list[str] | None, _in(POPULATION, "--iov", help="CL: it also varies between a subject's occasions (column OCC).")
]
ErrorKinds = Annotated[
    list[str] | None,
    _in(POPULATION, "--error", help="additive, proportional, combined, exponential; or OUTPUT=KIND."),
]
Observed = Annotated[
    str | None, _in(POPULATION, "--dv", help="What DVID 1, 2 ... observe: C,crp (default: first output).")
]
DoseRate = Annotated[
    list[str] | None,
    _in(POPULATION, "--dose-rate", help="Parameter that RATE -1 uses: NAME or STATE=NAME (R1, R2 ...)."),
]
DoseDuration = Annotated[
    list[str] | None,
    _in(POPULATION, "--dose-duration", help="Parameter that RATE -2 uses: NAME or STATE=NAME (D1, D2 ...)."),
]
TimeUnit = Annotated[
    str | None, _in(POPULATION, "--time-unit", help="Of TIME: hour, day (default: as the parameters).")
]
Iterations = Annotated[str, _in(POPULATION, "--iterations", help="To look around, and to average: 300,200.")]
Chains = Annotated[int, _in(POPULATION, "--chains", min=0, help="A subject; 0: 60 in all.")]
Samples = Annotated[int, _in(POPULATION, "--samples", min=200, help="A subject, for the likelihood.")]
BootstrapSets = Annotated[int, _in(POPULATION, "--bootstrap", min=0, help="Redrawn data sets.")]
Bayes = Annotated[bool, _in(BAYES, "--bayes", help="Sample the posterior after the fit (for small data).")]
Draws = Annotated[int, _in(BAYES, "--draws", min=100, help="Steps of each walker that are kept.")]
Priors = Annotated[
    list[str] | None, _in(BAYES, "--prior", help="CL=3,0.3 (typical, SD on its scale) or eta.CL=0.5; may be repeated.")
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Threads of the solver; the numbers do not depend on them.")
]

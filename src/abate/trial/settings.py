"""``--set``: change a parameter of the model, a setting of the policy, or a key of the trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from abate.ground.errors import InputError
from abate.ground.files import Document, did_you_mean, set_path
from abate.science.model import load
from abate.trial.protocol import Trial, read_trial
from abate.trial.values import model_values

__all__ = ["apply"]


def apply(trial: Trial, settings: Mapping[str, str]) -> Trial:
    """Return a trial with some things changed.

    Parameters
    ----------
    settings : mapping from str to str
        ``{"tocilizumab.CL": "0.2 L/day"}`` for a parameter of the model, or ``{"weeks": "26"}`` for a key of the trial.

    Published figures are left out where the length of the trial changes: they are of another one.

    Raises
    ------
    InputError
        If nothing is called so; the nearest name is suggested.

    Examples
    --------
    >>> from abate.trial.protocol import load_trial
    >>> apply(load_trial("giacta"), {"weeks": "26"}).days
    182
    """
    if not settings:
        return trial
    data: dict[str, Any] = trial.model_dump(mode="json", exclude_none=True)
    parameters = dict(trial.parameters)
    model = load(trial.model_name)
    for key, text in settings.items():
        head, _, rest = key.replace("[", ".").partition(".")
        # `disease.a` is a parameter of the module disease, `disease` alone the trial's own key.
        module = bool(rest) and head in model.modules and not isinstance(data.get(head), (dict, list))
        if head in Trial.model_fields and not module:
            data = set_path(data, key, yaml.safe_load(text), where=f"--set {key}")
            continue
        try:
            parameters[model.resolve(key)] = text
        except InputError as error:
            spelled = [model.spell(name) for name in (*model.parameters, *model.inputs)]
            hint = error.hint if error.hint and "did you mean" in error.hint else did_you_mean(key, [*spelled, *data])
            raise InputError(
                "--set",
                "there is no such parameter or key",
                value=key,
                hint=hint or f"see: abate library {trial.model_name}",
            ) from error
    data["parameters"] = parameters
    if data["weeks"] != trial.weeks:
        # What was published after a year says nothing of eight weeks.
        data["published"] = []
    changed = read_trial(Document("--set", data))
    model_values(model, changed.parameters)
    return changed

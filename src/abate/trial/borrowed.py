"""What a trial's drugs and model borrow from other diseases: sentences that every report of it shows."""

from __future__ import annotations

from functools import cache

from pydantic import BaseModel, ConfigDict, Field

from abate.ground.files import library_path, load_toml
from abate.ground.schema import read
from abate.science.regimen import drug
from abate.trial.protocol import Trial

__all__ = ["borrowed"]


class Borrowed(BaseModel):
    """A sentence, and for which diseases and drug it holds; without a drug, for any trial of the disease."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    diseases: tuple[str, ...] = Field(min_length=1)
    drug: str | None = None
    says: str = Field(min_length=1)


def borrowed(trial: Trial) -> tuple[str, ...]:
    """Return what is not validated in a trial because its numbers come from another disease.

    Examples
    --------
    >>> from abate.trial.protocol import load_trial
    >>> any("Sarilumab" in sentence for sentence in borrowed(load_trial("giacta")))
    False
    >>> any("Sarilumab" in sentence for sentence in borrowed(load_trial("saphyr")))
    True
    """
    given = {drug(regimen.drug or "").active for arm in trial.arms.values() for regimen in arm.regimens}
    return tuple(
        entry.says
        for entry in _library()
        if trial.disease in entry.diseases and (entry.drug is None or entry.drug in given)
    )


@cache
def _library() -> tuple[Borrowed, ...]:
    document = load_toml(library_path("validity", "borrowed.toml"))
    return tuple(read(Borrowed, document, ("borrowed", index)) for index in range(len(document.data["borrowed"])))

"""What the report of a paired series looks at: the people, and the results as plain JSON values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abate.ground.results import dumps
from abate.study.paired import Measure, Series, look

if TYPE_CHECKING:
    from abate.study.store import Study
    from abate.study.tables import StudyTables

__all__ = ["SeriesView", "plain", "view"]


@dataclass(frozen=True)
class SeriesView:
    """A series and its results."""

    series: Series
    results: Mapping[str, Any]

    @property
    def title(self) -> str:
        """The study's own name, else what it is."""
        return str(self.series.meta.get("name") or f"{len(self.series.people)} people, before and after")

    @property
    def simulated(self) -> bool:
        """Whether a model made these people."""
        return self.series.meta.get("source") == "simulated"

    def measure(self, slug: str) -> Measure:
        """Return one measure by its slug."""
        return next(measure for measure in self.series.measures if measure.slug == slug)


def plain(results: Mapping[str, Any]) -> dict[str, Any]:
    """Return results as they are read back from results.json."""
    content: dict[str, Any] = json.loads(dumps(results))
    return content


def view(study: StudyTables | Study, results: Mapping[str, Any], *, arm: str | None = None) -> SeriesView:
    """Arrange a Study and the results of `abate.study.series.analyse` for the report."""
    content = plain(results)
    return SeriesView(look(study, policy=content["analysis"]["policy"], arm=arm), content)

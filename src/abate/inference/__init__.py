"""From data to parameters: one patient, or a population.

One patient
-----------
::

    from abate.inference import read_patient, fit_person
    patient = read_patient("patient.csv")                       # doses, measurements, covariates, known states
    posterior = fit_person("il6_blockade/gca", patient, seed=1) # a weighted ensemble of people

`Posterior` is what a planner takes:

=============================  ========================================================================================
``posterior.parameters``       dict of name to array [n]: every parameter of the model, one value a person
``posterior.weights``          array [n], adding up to 1; ``posterior.ess`` is their effective number
``posterior.day``              day up to which they have lived (the last record of the file); day 0 is ``patient.start``
``posterior.persons``, `seed`  keys of all draws after ``day``: what becomes of these people is still open, and the same
                               in every option that a planner tries
``posterior.noise``            dict of input to array [weeks, n]: the weekly noise that they have lived through
``posterior.warnings``         what a reader must know: the prior cannot explain a measurement, too few people left
``posterior.map``              the most probable person, as a dict of name to number
``posterior.model``            with its noise inputs set from outside, by ``posterior.settings``
=============================  ========================================================================================

To run the same people on from today, with any doses::

    run = posterior.run(["symptoms", "crp"], until=posterior.day + 364)  # lived the history, stands at day
    option = branch(run)                                            # an independent copy, as often as needed
    option.advance(posterior.day + 28, doses, record_at=[...])      # as any `abate.engine.ensemble.Run`

Weigh what comes out by ``posterior.weights``, or let `Posterior.resampled` give people of equal weight.
"""

from __future__ import annotations

from abate.inference.patient import Measurement, Patient, PatientDose, read_patient
from abate.inference.person import Posterior, branch, fit_person

__all__ = ["Measurement", "Patient", "PatientDose", "Posterior", "branch", "fit_person", "read_patient"]

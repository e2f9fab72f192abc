"""Treatment decisions as a language: one policy runs in a trial, plans one patient, and is replayed against a chart.

How a trial uses it (array code over all people of an arm, about a millisecond a visit for 1,000 people)::

    policy = load_policy("giacta")                       # frozen; raises InputError with file, line and key
    policy.check_shown(trial.measures)                   # refuses a policy that reads what no visit shows
    draws = {d: uniform(seed, f"policy:{d}", persons, 0) for d in policy.draws}
    memory = begin(policy, n, horizon_days, start_dose=mg, draws=draws, taper=arm.taper)
    for visit, day in enumerate(visit_days):
        prednisone = memory.plan[:, previous:day]        # mg of every person and day since the last visit
        ... advance the engine to `day`, observe ...
        draws = {d: uniform(seed, f"policy:{d}", persons, visit + 1) for d in policy.draws}
        decisions = decide(policy, day, observed, memory, draws, next_visit=next_day, present=still_in)
        memory = decisions.memory                        # the plan is rewritten from `day` on, never before
        decisions.events["flare"]                        # bool[n]: called today (remission, flare, refractory, rescue)
        decisions.rule                                   # int[n]: index into policy.rules, -1 for none
        memory.on("tocilizumab"), memory.spaced("tocilizumab")  # bool[n], days[n] (NaN: as the regimen says)
        decisions.ledger()                               # rows: person, day, rule, seen, decided, reason

A visit comes before that morning's dose: what is decided on day d changes the dose of day d. ``dose`` in a condition is
the dose last taken (day d - 1). A missing observation (NaN) never fulfils a comparison.
"""

from abate.science.policy.decide import Decisions, decide, wants_visit
from abate.science.policy.file import load_policy, policies, policy_from, print_policy
from abate.science.policy.memory import Memory, begin
from abate.science.policy.value import Policy, Rule

__all__ = [
    "Decisions",
    "Memory",
    "Policy",
    "Rule",
    "begin",
    "decide",
    "load_policy",
    "policies",
    "policy_from",
    "print_policy",
    "wants_visit",
]

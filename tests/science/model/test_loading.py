"""Loading: every entry, names, and each way in which equations and numbers may fail to hold together."""

from __future__ import annotations

import pickle

import pytest

from abate.ground.errors import InputError, UnitError
from abate.ground.files import load_toml
from abate.science.model import available, load
from abate.science.model.numbers import read_numbers

ENTRIES = [f"{model}/{chosen}" for model, sets in available().items() for chosen in sets]


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_entry_of_the_library_loads_whole(entry):
    model = load(entry)
    assert model.name == entry
    assert set(model.initial) == set(model.rates) == set(model.states)
    known = {*model.states, *model.assignments, *model.parameters, *model.inputs, "time"}
    expressions = [*model.rates.values(), *model.assignments.values()]
    assert {str(s) for e in expressions for s in e.free_symbols} <= known
    starting = {str(s) for e in model.initial.values() for s in e.free_symbols}
    assert starting <= {*model.parameters, *model.inputs}
    assert all(p.unit and p.source and p.label for p in model.parameters.values())
    assert all(o.unit and o.label for o in model.outputs.values())
    earlier = {*model.states, *model.parameters, *model.inputs, "time"}
    for name, expression in model.assignments.items():
        assert {str(s) for s in expression.free_symbols} <= earlier
        earlier.add(name)


def test_the_whole_model_has_what_a_trial_observes():
    model = load("il6_blockade/gca")
    wanted = {"C", "il6", "crp", "esr", "D", "u", "symptoms", "W", "prednisolone", "P", "A"}
    wanted |= {"morning_cortisol", "stimulated_cortisol", "occupancy", "free_receptor", "signal"}
    assert wanted <= set(model.outputs)
    assert model.doses[("tocilizumab", "sc")].bioavailability == "tocilizumab_F"
    assert model.doses[("tocilizumab", "iv")].rate_input == "tocilizumab_infusion"
    assert model.doses[("prednisone", "oral")].state == "glucocorticoid_gut_prednisone"
    noise = model.inputs["z"]
    assert (noise.kind, noise.every) == ("ornstein-uhlenbeck", 7)
    assert (noise.sd, noise.time_constant) == ("disease_om_z", "disease_tz")
    assert model.parameters[noise.sd].value == 0.68
    assert model.correlations[("tocilizumab_CL", "tocilizumab_V1")] == 0.6
    assert model.observation["drop_out"].value == 0.30


def test_a_model_is_a_value():
    model = load("il6_blockade/gca")
    again = pickle.loads(pickle.dumps(model))
    assert again == model
    assert again.hash == model.hash
    changed = model.with_values({"tocilizumab.CL": 0.2})
    assert changed.hash != model.hash
    assert model.parameters["tocilizumab_CL"].value == 0.161


@pytest.mark.parametrize("name", ["hpa_axis.kap", "hpa_axis_kap", "kap"])
def test_a_parameter_goes_by_three_names(name):
    assert load("il6_blockade/gca").resolve(name) == "hpa_axis_kap"


def test_a_short_name_of_two_parameters_is_refused():
    with pytest.raises(InputError, match=r"more than one parameter.*'CL'; allowed: sarilumab.CL, tocilizumab.CL"):
        load("il6_blockade/gca").resolve("CL")


def test_a_misspelled_parameter_is_answered_with_the_nearest():
    with pytest.raises(InputError, match=r"no such parameter: 'tocilizumab.CLL'; did you mean 'tocilizumab.CL'\?"):
        load("il6_blockade/gca").resolve("tocilizumab.CLL")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tocilizumap/ra", "no such model.*did you mean 'tocilizumab'"),
        ("tocilizumab/pmr", "no such set of numbers"),
        ("nowhere.ant", "no such file"),
    ],
)
def test_an_unknown_model_is_refused(name, message):
    with pytest.raises(InputError, match=message):
        load(name)


@pytest.mark.parametrize("model", available())
def test_a_set_need_not_be_named(model):
    assert load(model).name.startswith(f"{model}/")
    assert load("tocilizumab").name == "tocilizumab/ra"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("value = 1\nunit = 'L'\ngrade = 'assumed'", "needs its source"),
        ("value = 1", "needs its unit and source and grade"),
        ("value = 'x'\nunit = 'L'\nsource = 's'\ngrade = 'assumed'", "needs a number: 'x'"),
        ("value = nan\nunit = 'L'\nsource = 's'\ngrade = 'assumed'", "needs a number"),
        ("value = 1\nunit = 'Lx'\nsource = 's'\ngrade = 'assumed'", "unit is not known: 'Lx'"),
        ("value = 1\nunit = 'L'\nsource = 's'\ngrade = 'sure'", "no grade: 'sure'"),
        ("value = 1\nunit = 'L'\nsource = 's'\ngrade = 'assumed'\ncvv = 1", "no such key.*did you mean 'cv'"),
        ("value = 1\nunit = 'L'\nsource = 's'\ngrade = 'assumed'\ncv = 1\nsd = 2", "spread is given twice"),
        ("value = 1\nunit = 'L'\nsource = 's'\ngrade = 'assumed'\ncv = -1", "a spread is 0 or more"),
        ("value = 2\nunit = 'L'\nsource = 's'\ngrade = 'assumed'\nsd_logit = 1", "between 0 and 1"),
        ("value = 1\nunit = 'L'\nin = 'day'\nsource = 's'\ngrade = 'assumed'", "wrong dimension"),
        ("value = 1\nunit = 'L'\nsource = 's'\ngrade = 'assumed'\ncovariates = '(bsa'", "formula cannot be read"),
    ],
)
def test_a_bad_number_of_the_library_is_refused_with_its_place(line, message):
    document = load_toml("numbers.toml", text=f"[parameters.V]\n{line}\n")
    with pytest.raises(InputError, match=message) as caught:
        read_numbers(document, strict=True)
    assert "numbers.toml" in str(caught.value)
    assert "parameters.V" in str(caught.value)


def test_an_unknown_table_is_refused():
    with pytest.raises(InputError, match=r"no such table; did you mean 'parameters'"):
        read_numbers(load_toml("n.toml", text="[parameter.V]\nvalue = 1\n"), strict=False)


MINE = """
module Mine()
  species S;
  S -> ; k*S;
  S = S0;
  W := 2*S;
end
"""


def test_a_users_model_may_lack_sources_but_says_so(tmp_path):
    path = tmp_path / "mine.ant"
    path.write_text(MINE.replace("S = S0;", "S = S0; k = 0.1; S0 = 5;"))
    model = load(path)
    assert model.parameters["k"].value == 0.1
    assert any("k has no source" in warning for warning in model.warnings)
    assert set(model.outputs) == {"S"}


def test_a_users_numbers_stand_beside_the_model(tmp_path):
    (tmp_path / "mine.ant").write_text(MINE)
    (tmp_path / "mine.toml").write_text("[parameters]\nk = 0.2\nS0 = 7\n[outputs.W]\nunit = 'mg'\n")
    model = load(tmp_path / "mine.ant")
    assert model.parameters["k"].value == 0.2
    assert list(model.outputs) == ["W"]
    assert any("no unit, source, grade given" in warning for warning in model.warnings)


def test_units_of_a_users_model_that_do_not_fit_are_a_warning(tmp_path):
    from abate.science.model.sbml_export import to_sbml

    path = tmp_path / "mine.xml"
    path.write_text(to_sbml(load("tocilizumab/ra")))
    assert not any("units do not fit" in warning for warning in load(path).warnings)
    path.with_suffix(".toml").write_text("[parameters.KM]\nvalue = 2.7\nunit = 'kg'\n")
    assert any("units do not fit" in warning for warning in load(path).warnings)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ("[parameters]\nk = 0.2\n", "S0"),
        ("[parameters]\nk = 0.2\nS0 = 1\nkk = 3\n", "no equation has this parameter: 'kk'; did you mean 'k'"),
        ("[parameters]\nk = 0.2\nS0 = 1\n[outputs.X]\nunit = 'mg'\n", "output is no state or assignment: 'X'"),
        ("[parameters]\nk = 0.2\nS0 = 1\n[doses.'x oral']\nstate = 'Z'\n", "dose goes to no state of the model: 'Z'"),
        ("[parameters]\nk = 0.2\nS0 = 1\n[doses.x]\nstate = 'S'\n", "named by drug and route: 'x'"),
        (
            "[parameters]\nS0 = 1\n[parameters.k]\nvalue = 1\ncovariates = 'age/50'\n",
            "this covariate is not declared: 'age'",
        ),
    ],
)
def test_numbers_that_do_not_fit_their_model(tmp_path, numbers, message):
    (tmp_path / "mine.ant").write_text(MINE)
    (tmp_path / "mine.toml").write_text(numbers)
    with pytest.raises(InputError, match=message):
        load(tmp_path / "mine.ant")


def test_broken_antimony_names_its_line(tmp_path):
    (tmp_path / "bad.ant").write_text("module X()\n  S -> ; k*(S;\nend\n")
    with pytest.raises(InputError, match=r"bad.ant: this is not an Antimony model \(.*line 2"):
        load(tmp_path / "bad.ant")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tocilizumab_V1": "mL"}, "units do not fit"),
        ({"tocilizumab_CL": "L/hour"}, "units do not fit"),
        ({"receptor_KA": "ng/mL"}, "units do not fit"),
        ({"disease_tau": "dimensionless"}, "drive: units do not fit"),
        ({"disease_I0": "mg"}, "units do not fit"),
        ({"acute_phase_gam": "mg"}, "plain number is needed"),
        ({"crp": "mg"}, "units do not fit"),
    ],
)
def test_a_wrong_unit_is_found(change, message):
    from abate.science.model.unit_check import check_units

    model = load("il6_blockade/gca")
    units = {**model.units, **{k: p.unit for k, p in model.parameters.items()}}
    units |= {k: i.unit for k, i in model.inputs.items()}
    check_units(model.rates, model.assignments, model.initial, units, time_unit="day", where="whole")
    with pytest.raises(UnitError, match=message):
        check_units(model.rates, model.assignments, model.initial, units | change, time_unit="day", where="whole")


def test_antimony_that_is_not_utf_8(tmp_path):
    path = tmp_path / "mine.ant"
    path.write_bytes(b"model mine()\n  k = 1; // \xdcber\nend\n")
    with pytest.raises(InputError, match=r"mine.*not text in UTF-8 \(byte 26\)"):
        load(path)

"""The command line: a table of verbs, each in a file of its own that is imported when it is called."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

from abate.ground.errors import AbateError, InputError
from abate.ground.files import did_you_mean
from abate.ground.version import __version__

__all__ = ["VERBS", "available", "main"]

INTERRUPTED = 130
"""Exit code of a run that was interrupted, as shells have it."""

# verb -> (module with a function of the same name, what it does in a line)
VERBS: dict[str, tuple[str, str]] = {
    "simulate": ("abate.cli.simulate", "Run a trial from the library or a YAML file."),
    "analyse": ("abate.cli.analyse", "Report a Study, simulated or observed."),
    "score": ("abate.cli.score", "Turn questionnaire answers into scores."),
    "express": ("abate.cli.express", "Differential gene expression, unpaired or paired."),
    "fit": ("abate.cli.fit", "Fit a population, or one person's posterior."),
    "plan": ("abate.cli.plan", "Forecast candidate tapers for one patient."),
    "design": ("abate.cli.design", "Size and operating characteristics of a randomised trial."),
    "library": ("abate.cli.library", "What is in the library, with equations, numbers and sources."),
    "validate": ("abate.cli.validate", "Run the published checks: predicted against published."),
    "replay": ("abate.cli.replay", "What a policy would have decided on recorded charts."),
    "calibrate": ("abate.cli.calibrate", "Reproduce the calibrated numbers from their targets."),
    "serve": ("abate.web.serve", "Serve the local web app."),
    "doctor": ("abate.cli.doctor", "Versions, devices, caches, judges found."),
}


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; expected errors are one line on stderr and an exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        code = _run(words)
    except AbateError as error:
        code = _say(str(error), error.exit_code)
    except KeyboardInterrupt:
        code = _say("interrupted; nothing half-written was left behind", INTERRUPTED)
    except MemoryError:
        code = _say("not enough memory; ask for fewer people at once", 1)
    except BrokenPipeError:
        # The reader of a pipe (head, less) went away: not an error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception as error:
        # A mistake of ours, not of the user: say so in a line, and keep the way to the cause open.
        if os.environ.get("ABATE_DEBUG"):
            raise
        what = " ".join(f"{type(error).__name__}: {error}".split())
        code = _say(f"this is a mistake in abate, please report it ({what}); ABATE_DEBUG=1 shows where", 1)
    sys.exit(code)


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(_overview())  # noqa: T201
        return 0
    if words[0] == "--version":
        print(f"abate {__version__}")  # noqa: T201
        return 0
    verb = words[0]
    if verb not in available():
        raise InputError("", "there is no such verb", value=verb, allowed=available(), hint=did_you_mean(verb, VERBS))
    return _call(verb, words[1:])


def _call(verb: str, words: list[str]) -> int:
    import typer

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    settings = {"help_option_names": ["-h", "--help"]}
    app.command(name=verb, context_settings=settings)(getattr(import_module(VERBS[verb][0]), verb))
    try:
        code = typer.main.get_command(app)(args=words, prog_name=f"abate {verb}", standalone_mode=False)
    except typer.Abort:
        code = INTERRUPTED
    except Exception as error:
        # The parser's own errors (an unknown option, a missing argument) know how to say themselves.
        if not hasattr(error, "format_message"):
            raise
        return _say(f"{' '.join(error.format_message().split())}{_given(error, words)}; see: abate {verb} --help", 2)
    if code == INTERRUPTED:
        return _say("interrupted; nothing half-written was left behind; a simulation goes on with --resume", code)
    return code if isinstance(code, int) else 0


def _given(error: Exception, words: list[str]) -> str:
    """Return what was given for the option that the parser refused."""
    for option in getattr(getattr(error, "param", None), "opts", ()):
        for index, word in enumerate(words):
            if word == option and index + 1 < len(words):
                return f": {words[index + 1]!r}"
            if word.startswith(f"{option}="):
                return f": {word.partition('=')[2]!r}"
    return ""


def available() -> list[str]:
    """Return the verbs of this installation."""
    root = Path(__file__).parents[2]
    return [verb for verb, (module, _) in VERBS.items() if (root / f"{module.replace('.', '/')}.py").exists()]


def _overview() -> str:
    rows = "\n".join(f"  {verb:<10} {VERBS[verb][1]}" for verb in available())
    return f"""Usage: abate VERB [OPTIONS]

Simulate, analyse and plan treatment that blocks the interleukin-6 receptor, so that a patient can come off prednisone.
Research software: it forecasts, it does not prescribe.

Verbs:
{rows}

abate VERB --help explains one; every verb takes --json and --out DIR. abate --version tells the version."""


def _say(message: str, code: int) -> int:
    print(f"abate: {message}", file=sys.stderr)  # noqa: T201
    return code


if __name__ == "__main__":
    main()

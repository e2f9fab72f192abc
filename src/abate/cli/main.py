"""The command line: a table of verbs, each in a file of its own that is imported when it is called."""

from __future__ import annotations

import os
import sys
from importlib import import_module

import click

__all__ = ["VERBS", "main"]

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
    "serve": ("abate.cli.serve", "Serve the local web app."),
    "doctor": ("abate.cli.doctor", "Versions, devices, caches, judges found."),
}


class _Verbs(click.Group):
    """A group whose verbs are imported only when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [verb for verb in VERBS if _exists(verb)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS or not _exists(cmd_name):
            return None
        import typer

        module = import_module(VERBS[cmd_name][0])
        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        app.command(name=cmd_name)(getattr(module, cmd_name))
        command: click.Command = typer.main.get_command(app)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            from abate.ground.files import did_you_mean

            hint = did_you_mean(name, self.list_commands(ctx))
            raise click.UsageError(f"there is no verb {name!r}" + (f"; {hint}" if hint else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, VERBS[verb][1]) for verb in self.list_commands(ctx)])


def _exists(verb: str) -> bool:
    module = VERBS[verb][0].rpartition(".")[2]
    return os.path.exists(os.path.join(os.path.dirname(__file__), f"{module}.py"))


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; expected errors are one line on stderr and an exit code."""
    from abate import __version__
    from abate.ground.errors import AbateError

    group = _Verbs(
        name="abate",
        help="Simulate, analyse and plan treatment that blocks the interleukin-6 receptor.\n\n"
        "Research software: it forecasts, it does not prescribe.",
        context_settings={"help_option_names": ["-h", "--help"]},
        params=[],
    )
    group = click.version_option(__version__, prog_name="abate")(group)
    try:
        code = group.main(args=arguments, prog_name="abate", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except AbateError as error:
        print(f"abate: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
    except click.exceptions.Abort:
        print("abate: interrupted", file=sys.stderr)  # noqa: T201
        sys.exit(130)
    except click.ClickException as error:
        print(f"abate: {' '.join(error.format_message().split())}; see abate --help", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    except KeyboardInterrupt:
        print("abate: interrupted; nothing half-written was left behind", file=sys.stderr)  # noqa: T201
        sys.exit(130)
    except BrokenPipeError:
        # The reader of a pipe (head, less) went away: not an error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


if __name__ == "__main__":
    main()

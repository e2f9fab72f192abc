"""``abate serve``: the local web app."""

from __future__ import annotations

import os
import secrets
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["serve"]


def serve(
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="On which port.")] = 8080,
    host: Annotated[
        str, typer.Option("--host", help="Another address lets other machines in, with a password and a warning.")
    ] = "127.0.0.1",
    password: Annotated[
        str | None,
        typer.Option("--password", envvar="ABATE_PASSWORD", help="For --host; made up and printed if none is given."),
    ] = None,
    data: Annotated[Path | None, typer.Option("--data", metavar="DIR", help="Where the app keeps its data.")] = None,
    openapi: Annotated[bool, typer.Option("--openapi", help="Print the description of the API and end.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print the address as JSON.")] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="The same as --data.")] = None,
) -> None:
    """Serve the web app on this machine. Nothing leaves it, and nothing is fetched from the network."""
    from abate.ground.extras import need

    need("web")
    from abate.web.server import Place, run
    from abate.web.sessions import default_home

    if openapi:
        _describe(out)
        return
    home = (data or out or default_home()).resolve()
    place = Place(home, host, port)
    if not place.local:
        chosen = password or secrets.token_urlsafe(12)
        place = Place(home, host, port, chosen)
        _warn(host, None if password else chosen)
    _free(host, port)
    if json_:
        from abate.ground.results import dumps

        sys.stdout.write(dumps({"address": place.address, "data": str(home), "local": place.local}, indent=None))
    else:
        print(f"abate is at {place.address} and keeps its data in {home}; stop it with Ctrl+C")  # noqa: T201
    sys.stdout.flush()
    run(place)


def _describe(out: Path | None) -> None:
    import json

    from abate.ground.files import write_atomically
    from abate.web.api import create_api

    text = json.dumps(create_api().openapi(), indent=1, ensure_ascii=False) + "\n"
    if out is None:
        sys.stdout.write(text)
    else:
        write_atomically(out / "openapi.json", text)


def _warn(host: str, made_up: str | None) -> None:
    print(  # noqa: T201
        f"abate: warning: at {host} other machines can reach the app and what is typed into it, and the connection is "
        "not encrypted; use this only in a network that you trust",
        file=sys.stderr,
    )
    if made_up:
        print(f"abate: the password is {made_up} (any user name)", file=sys.stderr)  # noqa: T201


def _free(host: str, port: int) -> None:
    """Refuse a port that is taken, or an address that is not this machine's, before anything is loaded."""
    from abate.ground.errors import InputError

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise InputError(
                "--port", f"nothing can be served at {host} ({reason})", value=port, hint="try another"
            ) from error

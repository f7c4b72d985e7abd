# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The command line: `sws start | stop | reload | config check | cert | benchmark | info`.

Exit codes: 0 done, 1 failed at run time, 2 usage, 78 configuration (EX_CONFIG of sysexits.h).  Whatever goes wrong is one clear line on
standard error, never a trace.  Modules of the server are imported inside the commands, so that `sws --version` is quick.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from sws._version import __version__
from sws.base.errors import ConfigError, SwsError, UsageError
from sws.cli.cert import cert
from sws.os.pypy import start_again

if TYPE_CHECKING:
    from sws.config.model import Config

__all__ = ["cli", "main"]

EXIT_FAILURE: Final = 1
EXIT_CONFIG: Final = 78
DEFAULT_PID_FILE: Final = "sws.pid"
_LEVELS: Final = ("debug", "info", "warn", "error")
_SECONDS: Final = click.FloatRange(min=0, min_open=True)


def _fail(message: str, code: int = EXIT_FAILURE) -> NoReturn:
    click.echo(f"sws: {message}", err=True)
    raise SystemExit(code)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sws")
def cli() -> None:
    """sws, the Selenia Web Server: a complete web server in readable Python."""


def _check_kernels() -> None:
    """Ends with one line if the environment asks for cryptography that there is not."""
    from sws.crypto.selection import check_mode
    from sws.crypto.system import wanted_kernels

    try:
        check_mode(wanted_kernels())
    except UsageError as error:
        _fail(str(error), EXIT_CONFIG)


@cli.command()
@click.option("-c", "--config", "config_path", metavar="FILE", help="Configuration file; else ./sws.yaml, then /etc/sws/sws.yaml.")
@click.option("--root", metavar="DIR", help="Folder to serve.")
@click.option("--listen", metavar="URL", multiple=True, help="Address to listen on, as http://127.0.0.1:8080; may be repeated.")
@click.option("--self-signed", is_flag=True, help="HTTPS with a certificate made for this machine, and kept.")
@click.option("--cert", metavar="FILE", help="Certificate chain for HTTPS, in PEM.")
@click.option("--key", metavar="FILE", help="Private key for HTTPS, in PEM.")
@click.option("--workers", type=click.IntRange(0, 1024), metavar="N", help="Worker processes; 0 serves in this process.")
@click.option("--pid-file", metavar="FILE", help="Write the master's process id here.")
@click.option("--log-level", type=click.Choice(_LEVELS), help="The least grave level that is logged.")
@click.option("--access-log/--no-access-log", default=None, help="A log line for every request, or none.")
def start(
    config_path: str | None,
    root: str | None,
    listen: tuple[str, ...],
    self_signed: bool,
    cert: str | None,
    key: str | None,
    workers: int | None,
    pid_file: str | None,
    log_level: str | None,
    access_log: bool | None,
) -> None:
    """Serve, in the foreground, until SIGTERM or SIGINT.

    Prints one line for each address once it accepts connections.  Flags override the file.  With neither file nor flags it serves
    ./www, or else the current folder, on http://127.0.0.1:8080.
    """
    _check_kernels()
    if self_signed and (cert or key):
        raise click.UsageError("either --self-signed, or --cert and --key")
    changes: dict[str, object] = {
        "server.root": os.path.abspath(root) if root is not None else None,
        "server.listen": listen or None,
        "server.tls.self_signed": True if self_signed else False if cert or key else None,
        "server.tls.cert": os.path.abspath(cert) if cert is not None else None,
        "server.tls.key": os.path.abspath(key) if key is not None else None,
        "server.worker.processes": workers,
        "server.pid_file": os.path.abspath(pid_file) if pid_file is not None else None,
        "server.log.level": log_level,
        "server.log.access": access_log,
    }
    given = {path: value for path, value in changes.items() if value is not None}
    raise SystemExit(_serve(lambda: _configuration(config_path, given)))


def _configuration(config_path: str | None, changes: dict[str, object]) -> Config:
    """The file, or the defaults, with the flags on top.  Raises: ConfigError."""
    from sws.config.loader import check_paths, find_config, load_config, override
    from sws.config.model import Config

    path = config_path or find_config()
    if path is None:
        config = Config()
        changes = {"server.root": _default_root(), **changes}
    else:
        config = load_config(path)
    config = override(config, changes)
    for problem in check_paths(config):
        raise problem
    return config


def _default_root() -> str:
    return os.path.abspath("www" if os.path.isdir("www") else ".")


def _serve(read: Callable[[], Config]) -> int:
    gc.disable()  # loading makes no garbage, and looking for it takes a quarter of the time
    from sws.os.process import raise_descriptor_limit
    from sws.server.master import Master

    def announce(urls: list[str]) -> None:
        """A line for each address, for people and for who waits for it."""
        for url in urls:
            click.echo(f"listening on {url}")
        sys.stdout.flush()

    try:
        config = read()
        click.echo(f"serving {config.server.root}", err=True)
        raise_descriptor_limit()
        master = Master(config, read, announce)
        master.open_sockets()
        gc.enable()
        return master.run()
    except ConfigError as error:
        _fail(str(error), EXIT_CONFIG)
    except (SwsError, OSError) as error:
        _fail(str(error))
    finally:
        gc.enable()


@cli.command()
@click.option("--pid-file", metavar="FILE", default=DEFAULT_PID_FILE, show_default=True, help="The file that start wrote.")
@click.option("--grace", type=click.FloatRange(min=0), default=30.0, show_default=True, metavar="SECONDS", help="How long to wait.")
def stop(pid_file: str, grace: float) -> None:
    """Let a server finish its requests and end.

    After the grace time it is killed, and the exit code is 1.
    """
    from sws.cli.control import stop_process

    try:
        stop_process(pid_file, grace)
    except SwsError as error:
        _fail(str(error))


@cli.command(name="reload")
@click.option("--pid-file", metavar="FILE", default=DEFAULT_PID_FILE, show_default=True, help="The file that start wrote.")
def reload_command(pid_file: str) -> None:
    """Make a server read its configuration anew, without losing a request."""
    from sws.cli.control import reload_process

    try:
        reload_process(pid_file)
    except SwsError as error:
        _fail(str(error))


@cli.group()
def config() -> None:
    """Work with configuration files."""


@config.command()
@click.argument("file")
def check(file: str) -> None:
    """Say whether FILE is a configuration that can be used."""
    from sws.config.loader import check_paths, load_config

    try:
        loaded = load_config(file)
    except ConfigError as error:
        _fail(str(error), EXIT_CONFIG)
    problems = check_paths(loaded)
    for problem in problems:
        click.echo(f"sws: {problem}", err=True)
    if problems:
        raise SystemExit(EXIT_CONFIG)
    server = loaded.server
    click.echo(f"{file}: good; {len(server.listen)} addresses, {len(server.hosts)} virtual hosts, root {server.root}")


@config.command()
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    import json

    from sws.config.schema import json_schema

    click.echo(json.dumps(json_schema(), indent=2))


@cli.command()
@click.option("--url", "urls", metavar="URL", multiple=True, required=True, help="What to ask for; several are asked in turn.")
@click.option("--concurrency", type=click.IntRange(1, 65535), default=10, show_default=True, metavar="N", help="Connections at once.")
@click.option("--duration", type=_SECONDS, default=10.0, show_default=True, metavar="S", help="Seconds, once they are open.")
@click.option(
    "--http", type=click.Choice(("1", "2", "3")), default="1", show_default=True, help="HTTP version; without TLS 2 by prior knowledge."
)
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), metavar="R", help="Requests a second, however slow the answers.")
@click.option("--method", metavar="NAME", help="Request method; GET, or POST with --body.")
@click.option("--header", "headers", metavar="NAME:VALUE", multiple=True, help="Request field; may be repeated.")
@click.option("--body", metavar="TEXT|@FILE", help="Content of each request.")
@click.option("--timeout", type=_SECONDS, default=10.0, show_default=True, metavar="S", help="Longest wait for a response.")
@click.option("--requests-per-connection", type=click.IntRange(min=0), default=0, metavar="N", help="Then it is replaced; 0: never.")
@click.option("--unix-socket", metavar="PATH", help="Connect there instead of to the URL's host.")
@click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True, metavar="N", help="Processes that share the load.")
@click.option("--json", "json_path", metavar="FILE|-", help="Write the result as JSON; - for standard output, and nothing else there.")
@click.option("--progress/--no-progress", default=True, help="Say on standard error how far it is.")
def benchmark(urls: tuple[str, ...], **options: Any) -> None:
    """Ask a server again and again, and tell how quickly it answers.

    Without --rate each connection asks as soon as it has its answer. With --rate requests are due at fixed times, and latency counts from
    these: a server that stalls is charged with all that should have been asked meanwhile (no coordinated omission).

    Exits with 1 if no response had a status below 400. An interrupt ends it early, and shows what there is.
    """
    from sws.cli.benchmark import BenchmarkOptions, run_benchmark

    try:
        if not run_benchmark(BenchmarkOptions(urls, **options)):
            _fail("no request succeeded")
    except UsageError as error:
        raise click.UsageError(str(error)) from None
    except (SwsError, OSError) as error:
        _fail(str(error))


@cli.command()
def info() -> None:
    """Say what this installation is and can do here."""
    _check_kernels()
    from sws.cli.info import describe

    for line in describe():
        click.echo(line)


cli.add_command(cert)


def main() -> None:
    """Entry point of the `sws` command."""
    if sys.argv[1:2] == ["start"]:
        start_again()
    cli(prog_name="sws")


if __name__ == "__main__":
    main()

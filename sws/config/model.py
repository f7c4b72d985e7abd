# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The configuration as frozen dataclasses: the one place that says which keys exist.

The loader, the JSON Schema, the reference page of the documentation and the spelling suggestions are all made from these classes.  Each
field's metadata has a `doc` line and its bounds; the type is in the annotation.  A key that the product's design knows but whose feature
is not built yet stands in `NOT_BUILT`: using it is an error that names it, so that nothing is accepted and ignored.

Types in use: str, int, float, bool, `X | None`, tuple[X, ...] (a YAML list), dict[str, str], and other dataclasses of this module.
Durations are seconds (float), sizes are octets (int); YAML strings such as "30s", "5m", "64KiB", "1GiB" are accepted for fields
whose metadata say `unit: "seconds"` or `unit: "octets"`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar, final

__all__ = [
    "NOT_BUILT",
    "Config",
    "HostConfig",
    "HostLimitsConfig",
    "HostTimeoutsConfig",
    "HostTlsConfig",
    "Http2Config",
    "Http3Config",
    "LimitsConfig",
    "LogConfig",
    "ServerConfig",
    "StaticConfig",
    "TimeoutsConfig",
    "TlsConfig",
    "WorkerConfig",
]

T = TypeVar("T")

#: Keys of the product's design that are not built yet: path -> what they are for.
NOT_BUILT: Final = {
    "server.security": "rate limiting and the web application firewall",
}


def option(
    default: T,
    doc: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: Sequence[str] | None = None,
    unit: Literal["seconds", "octets"] | None = None,
    is_path: bool = False,
) -> T:
    """A field with its documentation and bounds; a path is relative to the file that it is written in."""
    metadata: dict[str, Any] = {"doc": doc, "minimum": minimum, "maximum": maximum, "choices": choices, "unit": unit, "is_path": is_path}
    if isinstance(default, (dict, list)):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def section(make: Callable[[], T], doc: str) -> T:
    """A field that is a mapping with keys of its own."""
    return field(default_factory=make, metadata={"doc": doc})


@final
@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """Processes and what one of them holds."""

    processes: int | Literal["auto"] = option(
        "auto", "Worker processes; auto is one per core, 0 serves in the master itself.", minimum=0, maximum=1024
    )
    max_connections: int = option(65536, "Open connections per worker; past it the one idle longest is closed.", minimum=1, maximum=1 << 24)
    poller: str = option("auto", "Which readiness interface to use.", choices=("auto", "epoll", "kqueue", "iocp", "select"))
    cache: int = option(
        32 << 20,
        "Octets of small files a worker keeps in memory, checked at each request; 0 keeps none.",
        minimum=0,
        unit="octets",
    )
    memory: int = option(
        0, "Resident octets of a worker above which idle connections are closed early; 0 is no bound.", minimum=0, unit="octets"
    )


@final
@dataclass(frozen=True, slots=True)
class LogConfig:
    """The log."""

    level: str = option("info", "The least grave level that is written.", choices=("debug", "info", "warn", "error"))
    format: str = option("json", "One JSON object a line, or text for people.", choices=("json", "text"))
    file: str | None = option(None, "A file to append to (reopened on SIGUSR1); null is standard error.", is_path=True)
    access: bool = option(True, "Write a line for every request.")


@final
@dataclass(frozen=True, slots=True)
class LimitsConfig:
    """What one request or connection may grow to."""

    request_line: int = option(8192, "Octets of a request line; past it 414.", minimum=256, maximum=1 << 20, unit="octets")
    head: int = option(32768, "Octets of all field lines of a request; past it 431.", minimum=1024, maximum=1 << 20, unit="octets")
    fields: int = option(100, "Fields of a request; past it 431.", minimum=8, maximum=10000)
    body: int = option(1 << 30, "Octets of a request's content; past it 413.", minimum=0, unit="octets")
    requests_per_connection: int = option(1_000_000, "Requests a connection may carry before it is closed.", minimum=1)
    require_length: bool = option(False, "Refuse content without Content-Length with 411.")


@final
@dataclass(frozen=True, slots=True)
class TimeoutsConfig:
    """How long a peer may take."""

    head: float = option(10.0, "From the first octet of a request head to its end; past it 408.", minimum=0.1, maximum=3600, unit="seconds")
    body: float = option(30.0, "Longest silence within a request's content; past it 408.", minimum=0.1, maximum=3600, unit="seconds")
    idle: float = option(
        60.0, "Between two requests of a connection, while there is room; shortened under load.", minimum=0.1, maximum=86400, unit="seconds"
    )
    idle_minimum: float = option(
        2.0, "What the idle time-out is shortened to when the server is full.", minimum=0.1, maximum=86400, unit="seconds"
    )
    send: float = option(
        30.0, "Longest time in which a client takes nothing of what is ready for it.", minimum=0.1, maximum=3600, unit="seconds"
    )
    rate: int = option(240, "Least octets a second, averaged, in content and in responses.", minimum=1)
    shutdown: float = option(
        30.0, "How long running requests may go on after SIGTERM or a reload.", minimum=0, maximum=86400, unit="seconds"
    )


@final
@dataclass(frozen=True, slots=True)
class Http2Config:
    """HTTP/2, on https addresses by ALPN and on http addresses by prior knowledge."""

    enabled: bool = option(True, "Speak it.")
    streams: int = option(100, "Requests a client may have under way on one connection.", minimum=1, maximum=65536)
    window: int = option(
        65535, "Octets of content a request may have on their way at first.", minimum=0, maximum=(1 << 31) - 1, unit="octets"
    )
    window_maximum: int = option(
        1 << 20, "What that grows to while content is read as fast as it comes.", minimum=0, maximum=(1 << 31) - 1, unit="octets"
    )
    connection_window: int = option(
        1 << 20, "The same for a whole connection, from the start.", minimum=65535, maximum=(1 << 31) - 1, unit="octets"
    )
    table: int = option(4096, "Octets of each HPACK table.", minimum=0, maximum=65536, unit="octets")
    priorities: str = option(
        "urgency",
        "Which response goes first: by urgency (RFC 9218), or by the dependency tree of RFC 7540.",
        choices=("urgency", "tree"),
    )
    stall: float = option(
        30.0, "Longest time a client may leave a response without room to be sent.", minimum=0.1, maximum=3600, unit="seconds"
    )
    resets: int = option(200, "Requests a client may take back or break in a burst; a tenth as many more a second.", minimum=1)
    controls: int = option(200, "SETTINGS, PING, PRIORITY and empty frames in a burst, each; a tenth as many more a second.", minimum=10)


@final
@dataclass(frozen=True, slots=True)
class StaticConfig:
    """How files are served."""

    index: tuple[str, ...] = option(("index.html",), "Files that stand for their directory, in order.")
    listing: bool = option(False, "List directories that have no index file.")
    links: str = option("inside", "Symbolic links: those that stay inside the root, none, or all.", choices=("inside", "none", "follow"))
    hidden: bool = option(False, "Serve files and directories whose name begins with a dot.")
    types: dict[str, str] = option({}, "Further content types by file name extension, without its dot.")
    suffixes: tuple[str, ...] = option((), "Endings tried for a path that names no file, such as .html.")
    fallback: str | None = option(None, "Path of the file that answers for everything not found, such as /index.html of an application.")
    precompressed: tuple[str, ...] = option(
        (), "Send name.br, name.zst or name.gz beside a file to clients that accept it: br, zstd, gzip."
    )
    errors: dict[str, str] = option({}, "Own pages for error statuses: a status to a path below the root, such as 404: /404.html.")
    max_age: int | None = option(None, "Cache-Control: max-age of files, in seconds; null sends none.", minimum=0, maximum=31536000)
    revalidate: float = option(
        0.0,
        "How long a small file kept in memory is sent without a look whether it has changed; 0 looks at every request.",
        minimum=0,
        maximum=3600,
        unit="seconds",
    )


@final
@dataclass(frozen=True, slots=True)
class TlsConfig:
    """TLS 1.3 on https addresses."""

    cert: str | None = option(None, "File with the certificate and what is between it and its root, in PEM.", is_path=True)
    key: str | None = option(None, "File with the certificate's private key, in PEM; may be the same file.", is_path=True)
    self_signed: bool = option(False, "Make a certificate for this machine and keep it; browsers will warn.")
    suites: tuple[str, ...] = option((), "Cipher suites, best first; empty: all, in the order of what is quickest here.")
    groups: tuple[str, ...] = option((), "Key exchange groups, best first; empty: all, the post-quantum one first.")
    client_auth: str = option("none", "Client certificates: do not ask, request, or require one.", choices=("none", "request", "require"))
    client_ca: str | None = option(None, "File with the certificates that client certificates lead back to, in PEM.", is_path=True)
    tickets: int = option(
        2, "Session tickets given out after a handshake, over QUIC one at most; 0: nothing is resumed.", minimum=0, maximum=8
    )
    ticket_lifetime: float = option(7200.0, "How long a ticket is good.", minimum=1, maximum=604800, unit="seconds")
    ticket_key: str | None = option(
        None,
        "File with at least 32 secret octets that ticket keys are made from, the same on all machines; null: anew at each start.",
        is_path=True,
    )
    psk: str | None = option(
        None,
        "File with pre-shared keys, a line each: identity, a colon, the key in hex (16 octets at least); who has one needs no certificate.",
        is_path=True,
    )
    early_data: int = option(
        0, "Octets of 0-RTT data taken from a client that resumes; 0: none.", minimum=0, maximum=1 << 20, unit="octets"
    )
    handshake_timeout: float = option(
        10.0, "From accepting a connection to the end of its handshake.", minimum=0.1, maximum=600, unit="seconds"
    )
    padding: int = option(
        0, "Records are padded to a multiple of this many octets; 0: not at all.", minimum=0, maximum=16384, unit="octets"
    )
    stapling: bool = option(
        True, "Fetch OCSP responses for certificates that name a responder and come with their issuer, and staple them to handshakes."
    )
    hsts: float | None = option(
        None,
        "Strict-Transport-Security: max-age; null sends none; never sent with a self-signed certificate.",
        minimum=0,
        maximum=63072000,
        unit="seconds",
    )
    redirect: bool = option(False, "Answer requests on http addresses with a redirect to the first https address.")
    key_log: str | None = option(
        None, "File that traffic secrets are written to, for debugging: who reads it reads everything.", is_path=True
    )


@final
@dataclass(frozen=True, slots=True)
class HostTlsConfig:
    """TLS of one virtual host."""

    cert: str | None = option(
        None, "File with the certificate and what is between it and its root, in PEM; null: the server's.", is_path=True
    )
    key: str | None = option(None, "File with the certificate's private key, in PEM.", is_path=True)
    client_auth: str | None = option(
        None, "Client certificates of this host; null: as for the server.", choices=("none", "request", "require")
    )
    client_ca: str | None = option(
        None, "File with the certificates that client certificates lead back to; null: the server's.", is_path=True
    )


@final
@dataclass(frozen=True, slots=True)
class HostLimitsConfig:
    """Limits of one virtual host."""

    body: int | None = option(
        None, "Octets of a request's content, at most the server's own limit; null is that limit.", minimum=0, unit="octets"
    )


@final
@dataclass(frozen=True, slots=True)
class HostTimeoutsConfig:
    """Time-outs of one virtual host."""

    response: float | None = option(
        None,
        "From a request's head to the head of its response; past it 503; null is no bound.",
        minimum=0.001,
        maximum=86400,
        unit="seconds",
    )


@final
@dataclass(frozen=True, slots=True)
class HostConfig:
    """A virtual host."""

    names: tuple[str, ...] = option((), "Host names; a leading *. stands for one or more labels.")
    root: str | None = option(None, "Folder of the files; null is the server's root.", is_path=True)
    static: StaticConfig | None = field(default=None, metadata={"doc": "How files are served; absent is as for the server."})
    limits: HostLimitsConfig = section(HostLimitsConfig, "Limits.")
    timeouts: HostTimeoutsConfig = section(HostTimeoutsConfig, "Time-outs.")
    tls: HostTlsConfig = section(HostTlsConfig, "TLS.")


@final
@dataclass(frozen=True, slots=True)
class Http3Config:
    """HTTP/3 on the UDP port of each https address."""

    enabled: bool = option(True, "Serve HTTP/3.")
    advertise: float = option(
        86400.0,
        "How long clients may remember it: `Alt-Svc` in answers of HTTP/1.1 and HTTP/2; 0: it is not told.",
        minimum=0,
        maximum=31536000,
        unit="seconds",
    )
    retry: str = option(
        "busy",
        "When clients have to show that they are at their address, which costs a round trip (RFC 9000 §8.1.2): while many handshakes are "
        "under way, or always.",
        choices=("busy", "always"),
    )


@final
@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Everything under `server`."""

    listen: tuple[str, ...] = option(
        ("http://127.0.0.1:8080",),
        "Addresses: http://HOST:PORT, https://HOST:PORT or unix:/path; [::] is dual-stack, port 0 picks a free one.",
    )
    root: str = option("./www", "Folder of the files, relative to the configuration file.", is_path=True)
    worker: WorkerConfig = section(WorkerConfig, "Worker processes.")
    locale_default: str = option("en", "Language of the server's own pages.", choices=("en",))
    log: LogConfig = section(LogConfig, "The log.")
    limits: LimitsConfig = section(LimitsConfig, "Bounds on requests.")
    timeouts: TimeoutsConfig = section(TimeoutsConfig, "Time-outs.")
    tls: TlsConfig = section(TlsConfig, "TLS.")
    http2: Http2Config = section(Http2Config, "HTTP/2.")
    http3: Http3Config = section(Http3Config, "HTTP/3.")
    static: StaticConfig = section(StaticConfig, "Files.")
    hosts: tuple[HostConfig, ...] = option((), "Virtual hosts; a request for none of them goes to `unknown_host`.")
    unknown_host: str = option(
        "serve",
        "Requests for a host that is not listed: serve them from the server's root, or refuse with 421.",
        choices=("serve", "refuse"),
    )
    facts: bool = option(False, "Answer /.well-known/sws with facts of the server and the request; for the start page.")
    pid_file: str | None = option(None, "File with the master's process id.", is_path=True)


@final
@dataclass(frozen=True, slots=True)
class Config:
    """The whole file."""

    server: ServerConfig = section(ServerConfig, "The server.")

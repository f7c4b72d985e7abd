# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Reading a configuration from text: types, bounds, rules, and errors that say where and what would be right."""

from __future__ import annotations

import dataclasses
import pathlib

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sws.base.errors import ConfigError, UsageError
from sws.config.loader import find_config, load_config, override, parse_config
from sws.config.model import Config, HostConfig, LogConfig, ServerConfig

EVERYTHING = """\
server:
  listen: ["http://127.0.0.1:8080", 'http://[::1]:8080', unix:/run/sws.sock]
  root: www
  worker: {processes: 4, max_connections: 0x100, poller: epoll, memory: 512MiB}
  locale_default: en
  log: {level: warn, format: text, file: logs/sws.log, access: off}
  limits:
    request_line: 8KiB
    head: 16kB
    fields: 50
    body: 1.5MiB
    requests_per_connection: 1000
    require_length: yes
  timeouts: {head: 250ms, body: 5, idle: 1.5h, idle_minimum: 3s, send: 2m, rate: 100, shutdown: 0}
  static:
    index: [index.html, index.htm]
    listing: true
    links: follow
    hidden: False
    types: {md: text/markdown; charset=utf-8}
    max_age: 3600
  hosts:
    - names: [example.org, "*.example.org"]
      root: /srv/example
      static: {max_age: null}
      limits: {body: 1kB}
      timeouts: {response: 30}
    - names: ["[::1]"]
  unknown_host: refuse
  facts: true
  pid_file: ~
"""


def refused(text: str, environment: dict[str, str] | None = None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, file="sws.yaml", environment=environment or {})
    return caught.value


def under(section: str, line: str) -> str:
    return f"server:\n  {section}:\n    {line}\n"


def plain(config: Config) -> object:
    """As the YAML writer takes it."""

    def lists(value: object) -> object:
        if isinstance(value, dict):
            return {key: lists(item) for key, item in value.items()}
        return [lists(item) for item in value] if isinstance(value, tuple) else value

    return lists(dataclasses.asdict(config))


def test_everything_is_read() -> None:
    server = parse_config(EVERYTHING, directory="/etc/sws").server
    assert server.listen == ("http://127.0.0.1:8080", "http://[::1]:8080", "unix:/run/sws.sock")
    assert (server.root, server.log.file, server.pid_file) == ("/etc/sws/www", "/etc/sws/logs/sws.log", None)
    assert (server.worker.processes, server.worker.max_connections, server.worker.memory) == (4, 256, 512 << 20)
    assert server.log == LogConfig("warn", "text", "/etc/sws/logs/sws.log", False)
    assert (server.limits.request_line, server.limits.head, server.limits.body) == (8192, 16000, 3 << 19)
    assert server.limits.require_length is True
    assert (server.timeouts.head, server.timeouts.body, server.timeouts.idle, server.timeouts.send) == (0.25, 5.0, 5400.0, 120.0)
    assert isinstance(server.timeouts.body, float)
    assert (server.static.index, server.static.hidden, server.static.max_age) == (("index.html", "index.htm"), False, 3600)
    assert server.static.types == {"md": "text/markdown; charset=utf-8"}
    first, second = server.hosts
    assert (first.names, first.root, first.limits.body, first.timeouts.response) == (
        ("example.org", "*.example.org"),
        "/srv/example",
        1000,
        30,
    )
    assert first.static is not None
    assert first.static.max_age is None
    assert second == HostConfig(names=("[::1]",))


@pytest.mark.parametrize(
    "text", ["", "\ufeff", "# nothing", "---", "null", "{}", "server:", "server: {}", "server: {log: }", "%YAML 1.1\n---\n{}"]
)
def test_nothing_is_the_defaults(text: str) -> None:
    assert parse_config(text) == Config()


def test_round_trip_of_the_defaults() -> None:
    assert parse_config(yaml.safe_dump(plain(Config()))) == Config()


def test_round_trip_of_everything() -> None:
    config = parse_config(EVERYTHING)
    assert parse_config(yaml.safe_dump(plain(config))) == config


@pytest.mark.parametrize(
    ("text", "line", "path", "says"),
    [
        ("server:\n  lisen: []", 2, "server.lisen", "unknown key 'lisen', did you mean 'listen'?"),
        ("server:\n  hosts:\n  - names: [a]\n    rooot: x", 4, "server.hosts[0].rooot", "did you mean 'root'?"),
        ("server:\n  processes: 2", 2, "server.processes", "it belongs to server.worker.processes"),
        ("max_age: 2", 1, "max_age", "server.static.max_age or server.hosts[].static.max_age"),
        ("zzz: 2", 1, "zzz", "known here are server"),
        ("server:\n  tls:\n    cert: x", 3, "server.tls.cert", "server.tls.key is missing"),
        ("server:\n  tls:\n    key: x", 3, "server.tls.key", "server.tls.cert is missing"),
        ("server:\n  tls: {cert: x, key: y, self_signed: true}", 2, "server.tls.self_signed", "either a certificate of its own"),
        ("server:\n  tls:\n    suites: [TLS_AES_128_GCM_SHA256, RC4]", 3, "server.tls.suites[1]", "'RC4' is none of TLS_AES_128_GCM"),
        ("server:\n  tls:\n    groups: [x448]", 3, "server.tls.groups[0]", "'x448' is none of X25519MLKEM768"),
        ("server:\n  tls: {client_auth: require}", 2, "server.tls.client_auth", "need server.tls.client_ca"),
        ("server:\n  tls: {redirect: true}", 2, "server.tls.redirect", "no https address"),
        ("server:\n  listen: ['https://a:0']\n  tls: {redirect: true, self_signed: true}", 3, "server.tls.redirect", "a port of its own"),
        ("server:\n  hosts:\n  - names: [a]\n    tls: {cert: x}", 4, "server.hosts[0].tls.cert", "server.hosts[0].tls.key is missing"),
        ("server:\n  hosts:\n  - names: [a]\n    tls: {client_auth: request}", 4, "server.hosts[0].tls.client_auth", "need client_ca"),
        ("server:\n\n  security: {}", 3, "server.security", "are not built yet"),
        ("server: [1]", 1, "server", "expected a mapping of keys"),
        ("server:\n  log: loud", 2, "server.log", "expected a mapping of keys"),
        ("server:\n  listen: unix:/a", 2, "server.listen", "expected a list: write [unix:/a]"),
        ("server:\n  listen:", 2, "server.listen", "expected a list: write []"),
        ("server:\n  listen: {}", 2, "server.listen", "expected a list"),
        ("server:\n  listen: []", 2, "server.listen", "at least one address"),
        ("server:\n  listen:\n  - http://a:1\n  - https://a:2", 3, "server.listen", "an https address needs server.tls"),
        ("server:\n  listen:\n  - http://a:1\n  - http://A:1/", 4, "server.listen[1]", "the same address as server.listen[0]"),
        ("server: {listen: ['http://[::]:1', 'http://0.0.0.0:1']}", 1, "server.listen[1]", "the same address as server.listen[0]"),
        ("server: {listen: ['http://a:0', 'http://A:0']}", 1, "server.listen[1]", "the same address as server.listen[0]"),
        ("server: {listen: ['unix:/a', 'unix:/a']}", 1, "server.listen[1]", "the same address"),
        (under("static", "types: [a]"), 3, "server.static.types", "expected a mapping"),
        (under("static", "types: {a.b: text/plain}"), 3, "server.static.types.a.b", "without dots"),
        (under("static", "types: {a/b: text/plain}"), 3, "server.static.types.a/b", "slashes"),
        (under("static", "types: {a: text/plain, A: text/plain}"), 3, "server.static.types.A", "there twice, in other letters"),
        (under("static", "types: {a: text}"), 3, "server.static.types.a", "media type"),
        (under("static", "types: {a: text/pl\u00e4in}"), 3, "server.static.types.a", "media type"),
        (under("static", "types: {a: 1}"), 3, "server.static.types.a", "expected a string, not '1'; write it in quotes"),
        (under("static", "index: [a/b]"), 3, "server.static.index[0]", "without a folder"),
        (under("static", "index: ['a\\b']"), 3, "server.static.index[0]", "without a folder"),
        (under("static", "index: [a, ..]"), 3, "server.static.index[1]", "without a folder"),
        (under("static", "max_age: -1"), 3, "server.static.max_age", "at least 0"),
        (under("worker", "processes: 1025"), 3, "server.worker.processes", "must be at least 0 and at most 1024, not '1025'"),
        (under("worker", "processes: '2'"), 3, "server.worker.processes", "leave out the quotes"),
        (under("worker", "processes: many"), 3, "server.worker.processes", "expected a whole number or auto, not 'many'"),
        (under("worker", "processes: true"), 3, "server.worker.processes", "expected a whole number"),
        (under("worker", "processes: 010"), 3, "server.worker.processes", "expected a whole number"),
        (under("worker", "processes: 1.0"), 3, "server.worker.processes", "expected a whole number"),
        (under("worker", "processes: 1s"), 3, "server.worker.processes", "expected a whole number"),
        (under("worker", "processes: [1]"), 3, "server.worker.processes", "not a list"),
        (under("worker", "processes: {}"), 3, "server.worker.processes", "not a mapping"),
        (under("worker", "processes:"), 3, "server.worker.processes", "not nothing"),
        (under("worker", "memory: 0.3B"), 3, "server.worker.memory", "a size such as"),
        (under("worker", "memory: 1 GIB"), 3, "server.worker.memory", "a size such as"),
        (under("worker", "poller: epol"), 3, "server.worker.poller", "did you mean 'epoll'?"),
        (under("worker", "poller: zzzz"), 3, "server.worker.poller", "expected one of auto, epoll"),
        (under("log", "access: 1"), 3, "server.log.access", "expected true or false"),
        (under("log", "access: 'true'"), 3, "server.log.access", "leave out the quotes"),
        (under("log", "file: 1.5"), 3, "server.log.file", "expected a string or null, not '1.5'; write it in quotes"),
        (under("log", "file: .inf"), 3, "server.log.file", "write it in quotes"),
        (under("log", "file: ''"), 3, "server.log.file", "expected a string or null, not nothing"),
        (under("log", "format: null"), 3, "server.log.format", "expected one of json, text"),
        (under("log", "format: 'true'"), 3, "server.log.format", "expected one of json, text"),
        (under("timeouts", "head: .inf"), 3, "server.timeouts.head", "a duration such as"),
        (under("timeouts", "head: .nan"), 3, "server.timeouts.head", "a duration such as"),
        (under("timeouts", "head: 1e999"), 3, "server.timeouts.head", "a duration such as"),
        (under("timeouts", "head: '5'"), 3, "server.timeouts.head", "leave out the quotes"),
        (under("timeouts", "head: 5 parsecs"), 3, "server.timeouts.head", "a duration such as"),
        (under("timeouts", "head: 1ms"), 3, "server.timeouts.head", "at least 0.1 and at most 3600 seconds, not '1ms'"),
        (under("timeouts", "rate: 0"), 3, "server.timeouts.rate", "must be at least 1, not '0'"),
        (under("timeouts", "idle_minimum: 61"), 3, "server.timeouts.idle_minimum", "at most server.timeouts.idle, 60 seconds"),
        ("server:\n  hosts:\n  -\n    root: a", 4, "server.hosts[0].names", "at least one name"),
        ("server: {hosts: [{names: []}]}", 1, "server.hosts[0].names", "at least one name"),
        ("server:\n  hosts:\n  - names:\n    - a..b", 4, "server.hosts[0].names[0]", "not a host name"),
        ("server: {hosts: [{names: [b\u00fccher]}]}", 1, "server.hosts[0].names[0]", "punycode"),
        ("server:\n  hosts:\n  - names: [a.b]\n  - names: [A.B.]", 4, "server.hosts[1].names[0]", "same name as server.hosts[0].names[0]"),
        (
            "server: {limits: {body: 5}, hosts: [{names: [a], limits: {body: 6}}]}",
            1,
            "server.hosts[0].limits.body",
            "at most server.limits.body",
        ),
        (under("static", "suffixes: [.html, a/b]"), 3, "server.static.suffixes[1]", "the end of a file name"),
        (under("static", "suffixes: ['']"), 3, "server.static.suffixes[0]", "expected a string, not nothing"),
        (under("static", "precompressed: [gzip, deflate]"), 3, "server.static.precompressed[1]", "one of br, zstd, gzip"),
        (under("static", "fallback: index.html"), 3, "server.static.fallback", "a path below the root"),
        (under("static", "fallback: /../x"), 3, "server.static.fallback", "a path below the root"),
        (under("static", "fallback: /app/"), 3, "server.static.fallback", "a path below the root"),
        (under("static", "errors: {'200': /x.html}"), 3, "server.static.errors.200", "from 400 to 599"),
        (under("static", "errors: {'404': x.html}"), 3, "server.static.errors.404", "a path below the root"),
        ("server: {hosts: [{names: [a], static: {index: [a/b]}}]}", 1, "server.hosts[0].static.index[0]", "without a folder"),
    ],
)
def test_errors_say_where_and_what(text: str, line: int, path: str, says: str) -> None:
    error = refused(text)
    assert (error.file, error.line, error.path) == ("sws.yaml", line, path)
    assert says in error.message
    assert str(error).startswith(f"sws.yaml:{line}: {path}: ")


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("server: {\n\n", 3, "not YAML"),
        ("a: [b", 1, "not YAML"),
        ("server:\n\tlog: {}", 2, "a tab"),
        ("a\nb: c", 2, "not YAML"),
        ("a: b\n\x07", 2, "a character that YAML does not allow"),
        ("a: b\n---\nc: d", 2, "a second YAML document"),
        ("a: 1\nb: 2\na: 3", 3, "the key 'a' is there twice, first in line 1"),
        ("? [a]\n: b", 1, "a key must be a single word"),
        ('"a\\nb": c', 1, "control characters"),
        ("- a", 1, "is a mapping of keys"),
        ("text", 1, "is a mapping of keys"),
        ("a: !!python/object:os.system x", 1, "!!python/object:os.system is not allowed"),
        ("a: !!binary x", 1, "!!binary is not allowed"),
        ("a: !!set {}", 1, "!!set is not allowed"),
        ("a: !own []", 1, "!own is not allowed"),
        ("!own a: 1", 1, "!own is not allowed"),
        ('a: "\\ud800"', 1, "control characters"),
        ("a: |\n  b\n  c", 1, "one line"),
        ('a: "\\UFFFFFFFF"', 1, "out of range"),
        ('[a, "\\UFFFFFFFF"]', 1, "out of range"),
        ("%YAML " + "9" * 5000 + ".1\n---\n", 1, "not YAML"),
        ("a: *b", 1, "not above it"),
        ("a: &b [*b]", 1, "contain itself"),
        ("a: &b 1\nc: &b 2", 2, "the anchor &b is there twice"),
        ("a: " + "[" * 40, 1, "more than 32 levels"),
        ("<<: 1", 1, "<< merges a mapping"),
        ("<<: [{}, 1]", 1, "<< merges a mapping"),
        ("a:\n- &a [x]\n- " + "\n- ".join(f"&a{n + 1} [*a{n or ''}]" for n in range(40)), 32, "more than 32 levels"),
    ],
)
def test_what_is_not_a_configuration_file(text: str, line: int, says: str) -> None:
    error = refused(text)
    assert (error.file, error.line) == ("sws.yaml", line)
    assert says in error.message


def test_a_billion_laughs_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    error = refused("\n".join(lines))
    assert error.line == 5
    assert "too large" in error.message


def test_aliases_merge_keys_and_core_tags() -> None:
    text = """
server:
  root: !!str 5
  timeouts: {head: !!float 2, body: !!int "3", idle: ! 30s}
  hosts:
  - {names: [a], static: &static {listing: true, max_age: 5}}
  - {names: [b], static: *static}
  - {names: [c], static: {<<: *static, max_age: 6}}
  - {names: [d], static: {<<: [{max_age: 7}, *static]}}
  - {names: [e], static: {"listing": true, <<: {}}}
"""
    server = parse_config(text).server
    assert server.root == "5"
    assert (server.timeouts.head, server.timeouts.body, server.timeouts.idle) == (2, 3, 30)
    found = [(host.static.listing, host.static.max_age) for host in server.hosts if host.static is not None]
    assert found == [(True, 5), (True, 5), (True, 6), (True, 7), (True, None)]


# --- substitution --------------------------------------------------------------------------------------------------------

ENVIRONMENT = {"N": "3", "EMPTY": "", "YES": "on", "WORD": "null", "SECRET": "hunter2", "DOLLAR": "a${N}$$"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("worker: {processes: '${N}'}", 3),
        ("worker: {processes: '${NONE:-7}'}", 7),
        ("worker: {processes: '${NONE:-auto}'}", "auto"),
        ("worker: {processes: '1${N}'}", 13),
        ("worker: {memory: '${N}KiB'}", 3072),
        ("worker: {max_connections: '${EMPTY:-4}'}", 4),
        ("log: {access: '${YES}'}", True),
        ("log: {file: '${N}'}", "3"),
        ("log: {file: '${WORD}'}", "null"),
        ("log: {file: a$$b}", "a$b"),
        ("log: {file: '$${N}'}", "${N}"),
        ("log: {file: '${DOLLAR}'}", "a${N}$$"),
        ("timeouts: {send: '${N}'}", 3.0),
    ],
)
def test_substitution(text: str, value: object) -> None:
    section, _, key = text.partition(": {")
    config = parse_config(f"server: {{{text}}}", environment=ENVIRONMENT)
    assert getattr(getattr(config.server, section), key.partition(":")[0]) == value


def test_substitution_in_plain_scalars() -> None:
    config = parse_config(under("worker", "processes: ${N:-2}"), environment={})
    assert config.server.worker.processes == 2
    config = parse_config("server:\n  log:\n    file: ${EMPTY:-}\n", environment=ENVIRONMENT)
    assert config.server.log.file is None


def test_the_environment_of_the_process(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setenv("SWS_TEST_WORKERS", "9")
    text = under("worker", "processes: ${SWS_TEST_WORKERS}")
    assert parse_config(text).server.worker.processes == 9
    (tmp_path / "sws.yaml").write_text(text)
    assert load_config(str(tmp_path / "sws.yaml")).server.worker.processes == 9


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("${NONE}", "NONE is not set"),
        ("a$b", "write $$"),
        ("$", "write $$"),
        ("${1}", "write $$"),
        ("${N", "write $$"),
    ],
)
def test_substitution_refused(value: str, says: str) -> None:
    error = refused(under("log", f"file: '{value}'"), ENVIRONMENT)
    assert error.line == 3
    assert says in error.message


@pytest.mark.parametrize(
    "text",
    [
        under("worker", "processes: ${SECRET}"),
        under("worker", "processes: ${SECRET:-2}"),
        under("log", "level: ${SECRET}"),
        under("static", "types: {a: '${SECRET}'}"),
        under("static", "index: ['${SECRET}/x']"),
        "server: {listen: ['${SECRET}']}",
        "server: {listen: '${SECRET}'}",
        "server: {listen: ['http://${SECRET}:1', 'http://${SECRET}:1']}",
        "server: {hosts: [{names: ['${SECRET}..']}]}",
        "server: {hosts: [{names: ['${SECRET}', '${SECRET}']}]}",
        "server: '${SECRET}'",
    ],
)
def test_errors_never_show_what_came_from_the_environment(text: str) -> None:
    assert "hunter2" not in str(refused(text, ENVIRONMENT))


def test_a_long_value_is_cut_in_errors() -> None:
    error = refused(under("log", "level: " + "x" * 5000))
    assert len(str(error)) < 300


# --- override ------------------------------------------------------------------------------------------------------------


def test_override() -> None:
    changes: dict[str, object] = {
        "server.listen": ("http://127.0.0.1:0",),
        "server.worker.processes": 2,
        "server.worker.max_connections": "7",
        "server.timeouts.head": 0.5,
        "server.timeouts.idle": "5m",
        "server.log": LogConfig(level="debug", access=False),
        "server.pid_file": None,
        "server.root": "here",
        "server.static.types": {"md": "text/markdown"},
        "server.hosts": [HostConfig(names=("a",))],
    }
    server = override(Config(), changes).server
    assert server.listen == ("http://127.0.0.1:0",)
    assert (server.worker.processes, server.worker.max_connections) == (2, 7)
    assert (server.timeouts.head, server.timeouts.idle, server.timeouts.body) == (0.5, 300.0, 30.0)
    assert server.log == LogConfig(level="debug", access=False)
    assert (server.root, server.pid_file) == ("here", None)
    assert server.static.types == {"md": "text/markdown"}
    assert server.hosts == (HostConfig(names=("a",)),)
    assert override(Config(), {}) == Config()
    assert override(Config(), {"server": ServerConfig(root="x")}).server.root == "x"


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("server.lisen", ("x",), "did you mean 'listen'?"),
        ("listen", ("x",), "it belongs to server.listen"),
        ("server.worker.processes", True, "whole number"),
        ("server.worker.processes", -1, "at least 0"),
        ("server.worker.processes", float("nan"), "whole number"),
        ("server.root.x", "y", "no keys of its own"),
        ("server.root", "a\nb", "control characters"),
        ("server.root", "", "expected a string"),
        ("server.root", None, "expected a string"),
        ("server.tls.cert", "x", "server.tls.key is missing"),
        ("server.security", {}, "are not built yet"),
        ("server.timeouts.idle_minimum", 61, "at most server.timeouts.idle"),
        ("server.listen", ("https://a:1",), "an https address needs server.tls"),
        ("server.listen", ("http://a:1", "http://a:1"), "same address"),
        ("server.listen", "http://a:1", "expected a list: write [http://a:1]"),
        ("server.log", {"lvl": "debug"}, "unknown key 'lvl'"),
    ],
)
def test_override_refuses_what_a_file_may_not_say(path: str, value: object, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        override(Config(), {path: value})
    assert says in caught.value.message
    assert caught.value.file is None
    assert caught.value.path is not None


def test_override_with_what_no_file_could_hold() -> None:
    with pytest.raises(UsageError):
        override(Config(), {"server.root": b"bytes"})


# --- searching -----------------------------------------------------------------------------------------------------------


def test_find_config(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sws.config.loader.SEARCHED", ("./sws.yaml", str(tmp_path / "etc.yaml")))
    assert find_config() is None
    (tmp_path / "etc.yaml").write_text("")
    assert find_config() == str(tmp_path / "etc.yaml")
    (tmp_path / "sws.yaml").write_text("")
    assert find_config() == "./sws.yaml"


# --- properties ----------------------------------------------------------------------------------------------------------


def is_config_or_error(text: str) -> None:
    try:
        config = parse_config(text, environment=ENVIRONMENT)
    except ConfigError as error:
        place = (error.file, error.line)
    else:
        assert override(config, {}) == config
        return
    assert None not in place


@given(st.text(max_size=80))
def test_any_text_is_a_config_or_a_config_error(text: str) -> None:
    is_config_or_error(text)


@given(st.text(alphabet="server:lognamehost[]{}<>*&!?|%@`\"'\\$-, \t\n#01.", max_size=60))
def test_any_yaml_like_text_is_a_config_or_a_config_error(text: str) -> None:
    is_config_or_error(text)


PIECES = st.sampled_from(
    ["", " ", "\n", "  ", ":", "- ", "[", "]", "{", "}", "'", '"', "&a ", "*a", "<<: ", "!!int ", "${N}", "$", "null", "-1", "1e9", "x"]
)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(EVERYTHING)), st.integers(0, 12), PIECES), min_size=1, max_size=4))
def test_a_mutated_configuration_is_a_config_or_a_config_error(mutations: list[tuple[int, int, str]]) -> None:
    text = EVERYTHING
    for position, cut, piece in mutations:
        text = text[:position] + piece + text[position + cut :]
    is_config_or_error(text)


LINES = EVERYTHING.splitlines()


@pytest.mark.slow
@settings(deadline=None)
@given(st.integers(0, len(LINES) - 1), st.integers(0, len(LINES) - 1))
def test_a_moved_line_is_a_config_or_a_config_error(first: int, second: int) -> None:
    lines = LINES.copy()
    lines.insert(second, lines.pop(first))
    is_config_or_error("\n".join(lines))

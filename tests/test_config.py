from __future__ import annotations

import json
import os
import re
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
import pytest

from importer.config import Config
from importer.config_checks import zone
from importer.config_loading import api_key, load_config, workspace_path
from importer.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Mapping

UUID_KEY = "3f2b8a10-1111-4222-8333-444455556666"


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, with an empty user's configuration folder."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def fault(text: str = "", environ: Mapping[str, str] | None = None) -> str:
    """Return the message with which a configuration is refused, without the file's name."""
    path = write(Path("importer.toml").absolute(), text)
    with pytest.raises(ConfigError) as raised:
        load_config(None, environ or {})
    assert raised.value.exit_code is ExitCode.USAGE
    return str(raised.value).replace(f"{path}: ", "").replace(str(path), "FILE")


# Where it comes from


def test_without_any_source_the_defaults_hold() -> None:
    loaded = load_config(None, {})
    assert (loaded.config, loaded.path) == (Config(), None)


def test_the_file_in_the_current_folder_wins_over_the_users_one(tmp_path: Path) -> None:
    users = write(
        platformdirs.user_config_path("importer") / "importer.toml", "[send]\nconcurrency = 2"
    )
    assert load_config(None, {}).path == users
    here = write(tmp_path / "here" / "importer.toml", "[send]\nmax_attempts = 3")
    loaded = load_config(None, {})
    assert loaded.path == here
    assert loaded.config.send.concurrency == 16, "the two files are not mixed"


def test_a_given_file_wins_over_the_others_and_must_exist(tmp_path: Path) -> None:
    write(Path("importer.toml"), "[send]\nconcurrency = 2")
    other = write(tmp_path / "other.toml", "[send]\nconcurrency = 3")
    assert load_config(other, {}).config.send.concurrency == 3
    with pytest.raises(ConfigError, match=r"There is no configuration file .*missing\.toml"):
        load_config(tmp_path / "missing.toml", {})


def test_a_link_that_leads_nowhere_is_a_fault_and_not_passed_over() -> None:
    Path("importer.toml").symlink_to("gone.toml")
    with pytest.raises(ConfigError, match="There is no configuration file"):
        load_config(None, {})


@pytest.mark.skipif(sys.platform == "win32", reason="the current folder cannot go there")
@pytest.mark.parametrize("path", [None, Path("other.toml")])
def test_a_current_folder_that_is_gone_is_a_fault(
    path: Path | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ConfigError, match="folder that this command was given in is gone"):
        load_config(path, {})


def test_environment_beats_file_and_overrides_beat_both() -> None:
    write(Path("importer.toml"), "[send]\nconcurrency = 2\nmax_attempts = 2\ntimeout = 2")
    environ = {"IMPORTER_SEND__MAX_ATTEMPTS": "3", "IMPORTER_SEND__TIMEOUT": "3", "HOME": "/x"}
    send = load_config(None, environ, {"send": {"timeout": 4.5}}).config.send
    assert (send.concurrency, send.max_attempts, send.timeout) == (2, 3, 4.5)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("identity.columns", "order_id, line", ("order_id", "line")),
        ("identity.columns", '["a,b", "c"]', ("a,b", "c")),
        ("identity.columns", "['a', 'b']", ("a", "b")),
        ("identity.columns", "", ()),
        ("columns.constants", '{"product_name": "Renewal"}', {"product_name": "Renewal"}),
        ("columns.constants", '{ product_name = "Renewal" }', {"product_name": "Renewal"}),
        ("format.dates", "auto", "auto"),
        ("format.dates", "%d.%m.%Y", ("%d.%m.%Y",)),
        ("format.decimal", ",", ","),
        ("rules.allow_negative", "true", True),
        ("rules.max_amount", "12.50", Decimal("12.50")),
        ("send.max_failures", "25", "25"),
        ("send.transport", "direct", "direct"),
        ("api.url", "https://keen.test/a?b=[1,2]", "https://keen.test/a?b=[1,2]"),
        ("workspace.path", "", None),
    ],
)
def test_every_kind_of_value_comes_from_the_environment(
    name: str, text: str, expected: object
) -> None:
    section, key = name.split(".")
    config = load_config(None, {f"IMPORTER_{section}__{key}".upper(): text}).config
    assert getattr(getattr(config, section), key) == expected


def test_every_key_can_be_set_by_the_environment(tmp_path: Path) -> None:
    defaults = json.loads(Config().model_dump_json())
    environ = {
        f"IMPORTER_{section}__{key}".upper(): (
            json.dumps(value) if isinstance(value, list | bool) else str(value or "")
        )
        for section, keys in defaults.items()
        for key, value in keys.items()
    }
    environ |= {"IMPORTER_API__KEY_RETENTION": "0", "IMPORTER_SEND__RATE_LIMIT": "0"}
    assert load_config(write(tmp_path / "a.toml", ""), environ).config == Config()


# Paths


def test_relative_paths_are_relative_to_the_file_wherever_they_come_from(tmp_path: Path) -> None:
    file = write(tmp_path / "etc" / "importer.toml", '[workspace]\npath = "ledger"')
    config = load_config(file, {"IMPORTER_RESULTS__FOLDER": "../out"}).config
    assert config.workspace.path == tmp_path / "etc" / "ledger"
    assert config.results.folder == tmp_path / "etc" / ".." / "out"
    assert load_config(Path("../etc/importer.toml"), {}).config.workspace.path is not None


def test_a_tilde_is_the_home_folder_and_an_empty_path_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write(Path("importer.toml"), '[workspace]\npath = "~/ledger"\n[results]\nfolder = ""')
    config = load_config(None, {}).config
    assert (config.workspace.path, config.results.folder) == (tmp_path / "ledger", None)
    assert "names no user" in fault('[workspace]\npath = "~nobody-by-that-name/x"')


def test_the_default_workspace_is_in_the_users_state_folder(tmp_path: Path) -> None:
    assert workspace_path(Config()) == platformdirs.user_state_path("importer")
    config = load_config(None, {"IMPORTER_WORKSPACE__PATH": str(tmp_path)}).config
    assert workspace_path(config) == tmp_path


# Faults

VALUES = [
    ("[send]\nconcurrency = 0", "[send] concurrency is 0; it takes a whole number from 1 to 1024."),
    ("[send]\nconcurrency = true", "[send] concurrency is true; it takes a whole number"),
    ("[send]\nconcurrency = 2.5", "[send] concurrency is 2.5; it takes a whole number"),
    ("[send]\ntimeout = 0", "[send] timeout is 0; it takes a number of seconds above 0"),
    ("[send]\ntimeout = nan", "[send] timeout is NaN; it takes a number of seconds"),
    ("[send]\nrate_limit = inf", "[send] rate_limit is Infinity; it takes a number of requests"),
    ("[send]\nrate_limit = -1", "[send] rate_limit is -1; it takes a number of requests a second"),
    ('[send]\nmax_failures = "lots"', '[send] max_failures is "lots"; it takes a number of rows'),
    ('[send]\nmax_failures = "101%"', '[send] max_failures is "101%"; it takes a share up to'),
    ("[send]\nmax_failures = -1", "[send] max_failures is -1; it takes a number of rows"),
    ("[api]\nkey_retention = inf", "[api] key_retention is Infinity; it takes a number of hours"),
    ('[api]\nscope = "Keen!"', '[api] scope is "Keen!"; it takes a short name of lower-case'),
    ('[api]\naction = "a b"', '[api] action is "a b"; it takes a name of lower-case letters'),
    ('[api]\nurl = "keen.test"', '[api] url is "keen.test"; it takes an address that starts with'),
    ('[api]\nurl = "http://a:b/"', "it takes an address that starts with https://."),
    ('[api]\nurl = "https://a b/"', "it takes an address that starts with https://."),
    ('[api]\nformerly = "https://a.test"', '[api] formerly is "https://a.test"; it takes a list'),
    ('[columns]\nlead_id = "lead"', '[columns] lead_id is "lead"; it takes a list of texts'),
    ("[columns]\ndate = [1]", "[columns] date is [1]; it takes a list of texts"),
    ('[format]\ndecimal = ";"', '[format] decimal is ";"; it takes "auto", "." or ",".'),
    ('[format]\ndates = "%d"', '[format] dates is "%d"; it takes "auto" or a list of date formats'),
    ("[format]\ndates = []", '[format] dates is []; it takes "auto" or a list of date formats'),
    ('[format]\ndates = ["d.m.Y"]', '[format] dates is ["d.m.Y"]; it takes "auto" or a list'),
    ('[format]\ntimezone = "Berlin"', '[format] timezone is "Berlin"; it takes the name of a time'),
    ('[rules]\nrequired = ["amount"]', '[rules] required is ["amount"]; it takes a list made of'),
    ("[rules]\nmax_amount = -0.01", "[rules] max_amount is -0.01; it takes an amount"),
    ("[rules]\nmax_amount = true", "[rules] max_amount is true; it takes an amount"),
    ("[rules]\nmax_decimals = 7", "[rules] max_decimals is 7; it takes a whole number from 0 to 6"),
    ("[rules]\nallow_negative = 2", "[rules] allow_negative is 2; it takes true or false."),
    ("[workspace]\npath = 3", "[workspace] path is 3; it takes a path in quotes."),
    ('[results]\nformat = "xls"', '[results] format is "xls"; it takes "same", "csv", "xlsx" or'),
]


@pytest.mark.parametrize(("text", "message"), VALUES)
def test_a_wrong_value_is_shown_with_what_would_be_right(text: str, message: str) -> None:
    found = fault(text)
    assert message in found
    assert "\n" not in found, "one fault, one line"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[send]\nconcurency = 3", "[send] has no key concurency; did you mean concurrency?"),
        ("[send]\nzzz = 3", "[send] has no key zzz; known are concurrency, rate_limit, timeout"),
        ("[send]\nurl = 3", "[send] has no key url; it belongs under [api]."),
        ("url = 3", "url stands outside of a section; it belongs under [api]."),
        ("urll = 3", "urll is not a known key; did you mean url?"),
        ("[sned]\na = 1", "there is no section [sned]; did you mean [send]?"),
        ("send = 1", "send is a section; write [send] and its keys below it."),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_known_one(text: str, message: str) -> None:
    assert message in fault(text)


def test_every_fault_is_named_at_once_a_line_each() -> None:
    found = fault("[send]\nconcurrency = 0\n[sned]\n[rules]\nmax_decimals = 9")
    assert len(found.splitlines()) == 3


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("IMPORTER_SEND__CONCURRENCY", "many", 'IMPORTER_SEND__CONCURRENCY is "many"; it takes a'),
        ("IMPORTER_SEND__CONCURRENCY", "", 'IMPORTER_SEND__CONCURRENCY is ""; it takes a whole'),
        ("IMPORTER_IDENTITY__COLUMNS", "[1,", 'IMPORTER_IDENTITY__COLUMNS is "[1,"; it takes a'),
        ("IMPORTER_SEND__CONCURENCY", "2", "did you mean IMPORTER_SEND__CONCURRENCY?"),
        ("IMPORTER_CONCURRENCY", "2", "IMPORTER_CONCURRENCY is not known"),
        ("IMPORTER_SEND", '{"concurrency": 2}', "IMPORTER_SEND is not known"),
        ("IMPORTER_SEND__CONCURRENCY__X", "2", "IMPORTER_SEND__CONCURRENCY__X is not known"),
    ],
)
def test_a_wrong_variable_is_named(name: str, text: str, message: str) -> None:
    found = fault("[send]\nconcurrency = 2", {name: text})
    assert found.startswith("environment: ")
    assert message in found


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[send\n", r"FILE is not valid TOML: .*line 1.*Texts stand in quotes"),
        (b'[workspace]\npath = "C:\\Keen"', r"FILE is not valid TOML: .*single quotes: 'C:\\Keen'"),
        ('[api]\nscope = "é"'.encode("latin-1"), r"FILE is not UTF-8 text"),
        ("[send]".encode("utf-16"), r"FILE is not (UTF-8 text|valid TOML)"),
    ],
)
def test_a_file_that_is_no_toml_is_refused(content: bytes, message: str) -> None:
    path = Path("importer.toml").absolute()
    path.write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        load_config(None, {})
    assert re.search(message, str(raised.value).replace(str(path), "FILE"))


def test_a_byte_order_mark_is_no_fault() -> None:
    Path("importer.toml").write_bytes(b"\xef\xbb\xbf[send]\nconcurrency = 3\n")
    assert load_config(None, {}).config.send.concurrency == 3


def test_a_folder_in_place_of_the_file_is_refused() -> None:
    Path("importer.toml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(None, {})


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"])
def test_a_real_time_zone_is_taken(name: str) -> None:
    assert zone(name) == name


@pytest.mark.parametrize(
    "name", ["", "europe/berlin", "right/UTC", "/etc/localtime", "../x", "Europe", "CEST+1", "a\0b"]
)
def test_what_is_no_time_zone_everywhere_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="the name of a time zone"):
        zone(name)


def test_a_configuration_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Config().send.concurrency = 3


# The API key


def test_the_key_of_the_environment_wins_over_the_file_and_neither_is_none(tmp_path: Path) -> None:
    file = write(tmp_path / "key", "from-file\n")
    file.chmod(0o600)
    config = load_config(None, {"IMPORTER_API__KEY_FILE": str(file)}).config
    assert api_key(Config(), {}) is None
    assert api_key(Config(), {"KEEN_API_KEY": ""}) is None
    from_file = api_key(config, {})
    from_environment = api_key(config, {"KEEN_API_KEY": "from-environment"})
    assert from_file is not None
    assert from_environment is not None
    assert from_file.get_secret_value() == "from-file"
    assert from_environment.get_secret_value() == "from-environment"
    assert "from" not in f"{from_file!r}{from_file}{from_environment!r}"


@pytest.mark.parametrize("key", ["a b", "a\n", "\ta", "schlüssel", "a\x7f", "a\udc80", "k" * 201])
def test_a_key_that_cannot_be_a_header_is_refused_and_never_shown(key: str) -> None:
    with pytest.raises(ConfigError, match="KEEN_API_KEY is no key") as raised:
        api_key(Config(), {"KEEN_API_KEY": key})
    assert key not in repr(raised.value)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such bits")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = write(tmp_path / "key", UUID_KEY)
    file.chmod(mode)
    config = load_config(None, {"IMPORTER_API__KEY_FILE": str(file)}).config
    with pytest.raises(ConfigError, match=r"can be read by other users.*chmod 600") as raised:
        api_key(config, {})
    assert UUID_KEY not in str(raised.value)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such bits")
def test_a_credential_of_systemd_may_show_its_access_list_as_the_groups_rights(
    tmp_path: Path,
) -> None:
    file = write(tmp_path / "keen-api-key", UUID_KEY)
    file.chmod(0o440)
    config = load_config(None, {"IMPORTER_API__KEY_FILE": str(file)}).config
    key = api_key(config, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert key is not None
    assert key.get_secret_value() == UUID_KEY
    with pytest.raises(ConfigError, match="can be read by other users"):
        api_key(config, {"CREDENTIALS_DIRECTORY": str(tmp_path / "of-another-service")})
    file.chmod(0o444)
    with pytest.raises(ConfigError, match="can be read by other users"):
        api_key(config, {"CREDENTIALS_DIRECTORY": str(tmp_path)})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        (f"{UUID_KEY}\nsecond\n", "has more than one line"),
        (f"KEY = {UUID_KEY}", "is no key"),
    ],
)
def test_a_key_file_of_another_form_is_refused_and_never_shown(
    tmp_path: Path, text: str, message: str
) -> None:
    file = write(tmp_path / "key", text)
    file.chmod(0o600)
    config = load_config(None, {"IMPORTER_API__KEY_FILE": str(file)}).config
    with pytest.raises(ConfigError, match=message) as raised:
        api_key(config, {})
    assert UUID_KEY not in str(raised.value)


def test_a_key_written_where_its_files_path_belongs_is_not_shown() -> None:
    config = load_config(None, {"IMPORTER_API__KEY_FILE": UUID_KEY}).config
    with pytest.raises(ConfigError, match=r"\[hidden\] cannot be read") as raised:
        api_key(config, {})
    assert UUID_KEY not in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        f'api_key = "{UUID_KEY}"',
        f'[api]\napi_key = "{UUID_KEY}"',
        f'[api]\nkey = "{UUID_KEY}"',
        f'[api]\nX-Api-Key = "{UUID_KEY}"',
        f'[send]\nKEEN_API_KEY = "{UUID_KEY}"',
    ],
)
def test_a_key_in_the_file_is_refused_with_where_it_belongs(text: str) -> None:
    found = fault(text)
    assert "put it in the environment variable KEEN_API_KEY" in found
    assert UUID_KEY not in found


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f'[api]\nscope = "{UUID_KEY.upper()}"', UUID_KEY.upper()),
        (f'[api]\nformerly = ["{UUID_KEY}"]', UUID_KEY),
        (f"[rules]\nrequired = ['{UUID_KEY.replace('-', '')}']", UUID_KEY.replace("-", "")),
        ('[api]\nurl = "https://me:pass-word@keen.test/"', "pass-word"),
        (f'[api]\nurll = "{UUID_KEY}"', UUID_KEY),
    ],
)
def test_a_secret_in_a_wrong_place_is_not_shown(text: str, secret: str) -> None:
    assert secret not in fault(text)


@pytest.mark.parametrize("name", ["IMPORTER_API_KEY", "IMPORTER_API__API_KEY", "IMPORTER_API__KEY"])
def test_a_key_in_a_variable_of_another_name_is_not_shown(name: str) -> None:
    found = fault("", {name: UUID_KEY})
    assert "put it in the environment variable KEEN_API_KEY" in found
    assert UUID_KEY not in found


def test_a_variable_cannot_say_more_than_its_own_value() -> None:
    found = fault(environ={"IMPORTER_COLUMNS__CONSTANTS": '{}\nextra = "Renewal"'})
    assert "IMPORTER_COLUMNS__CONSTANTS is" in found

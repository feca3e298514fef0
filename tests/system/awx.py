# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs as AWX runs them, with AWX's code for credentials and with ansible-runner; and a fake of AWX's API for imports.

AWX creates a private data directory. ``transmit`` sends it with the parameters to a ``worker`` in the container of the execution
environment, and ``process`` receives the results. Here, the worker is in this process, with a separate environment, and with a
separate directory instead of the container's ``/runner``.
"""

from __future__ import annotations

import contextlib
import copy
import http.server
import json
import os
import shutil
import threading
import typing as t
import urllib.parse
from pathlib import Path
from unittest import mock

import ansible_runner
import yaml
from awx_plugins.interfaces._temporary_private_api import ManagedCredentialType
from awx_plugins.interfaces._temporary_private_credential_api import Credential
from awx_plugins.interfaces._temporary_private_inject_api import inject_credential

from tests.system.playbooks import ROOT, Ansible

CREDENTIAL_TYPE: dict[str, t.Any] = yaml.safe_load((ROOT / "extensions/awx/credential_type.yml").read_text())
JOB_ID = "42"


class UnsafeDumper(yaml.SafeDumper):
    """Marks each string as unsafe, also keys, as AWX does for answers to a survey. So answers are not templates."""

    def represent_data(self, data: t.Any) -> t.Any:
        return self.represent_scalar("!unsafe", data) if isinstance(data, str) else super().represent_data(data)


class Job(t.NamedTuple):
    status: str
    events: list[dict[str, t.Any]]
    """The events that AWX stores."""
    shown_environment: dict[str, t.Any]
    """The injected environment as AWX shows it."""
    folders: list[Path]
    """The artifacts of ansible-runner, at their origin and at their destination."""

    @property
    def output(self) -> str:
        return "\n".join(event["stdout"] for event in self.events)

    @property
    def artifacts(self) -> dict[str, t.Any]:
        """Return the data of set_stats, which AWX passes to the next job of a workflow."""
        (data,) = (event["event_data"] for event in self.events if event["event"] == "playbook_on_stats")
        found: dict[str, t.Any] = data["artifact_data"]
        return found


class Jobs:
    """Starts jobs. The project is this collection, which is also installed in the execution environment."""

    def __init__(self, ansible: Ansible) -> None:
        self.ansible = ansible
        self.private = ansible.folder / "private"
        self.runner = ansible.folder / "runner"

    def run(
        self,
        playbook: str | list[dict[str, t.Any]],
        credential: dict[str, t.Any],
        *arguments: str,
        answers: dict[str, t.Any] | None = None,
        inventory: dict[str, t.Any] | None = None,
    ) -> Job:
        """Run a playbook of the project, or another one given as data."""
        self._create_folders()
        if not isinstance(playbook, str):
            self._write_file("project/playbook.yml", yaml.safe_dump(playbook, sort_keys=False))
            playbook = "playbook.yml"
        (self.private / "cp").mkdir(0o700)
        extra_vars = {"awx_job_id": int(JOB_ID), "awx_user_name": "admin", **(answers or {})}
        self._write_file(
            "env/extravars", "".join(yaml.dump({k: v}, Dumper=UnsafeDumper) for k, v in extra_vars.items())
        )
        script = (
            f"#! /usr/bin/env python3\n# -*- coding: utf-8 -*-\nprint({json.dumps(inventory or {'_meta': {}})!r})\n"
        )
        hosts = self._write_file("inventory/hosts", script, 0o700)
        environment = {
            "JOB_ID": JOB_ID,
            "ANSIBLE_RETRY_FILES_ENABLED": "False",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.runner / "cp"),
        }
        arguments = ("-u", "root", *arguments)
        return self._start(credential, environment, list(arguments), "env/cmdline", playbook=playbook, inventory=hosts)

    def update_inventory(self, source: str, credential: dict[str, t.Any], *arguments: str) -> tuple[Job, t.Any]:
        """Return the job, and the inventory if the job has written one."""
        self._create_folders()
        environment = {
            "INVENTORY_UPDATE_ID": JOB_ID,
            "ANSIBLE_INVENTORY_EXPORT": "True",
            "ANSIBLE_VERBOSE_TO_STDERR": "True",
            "ANSIBLE_HOST_PATTERN_MISMATCH": "error",
        }
        path, output = self.runner / "project" / source, f"artifacts/{JOB_ID}/output.json"
        command = ["ansible-inventory", "--list", "--export", "-i", str(path), "--output", str(self.runner / output)]
        job = self._start(credential, environment, [*command, "--playbook-dir", str(path.parent), *arguments], "args")
        found = self.private / output
        return job, json.loads(found.read_text()) if found.exists() else None

    def _create_folders(self) -> None:
        for folder in (self.private, self.runner):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(0o700)
        for name in ("inventory", "env"):
            (self.private / name).mkdir()
        for name in ("extensions", "playbooks"):
            shutil.copytree(ROOT / name, self.private / "project" / name)

    def _write_file(self, name: str, text: str, mode: int = 0o600) -> str:
        path = self.private / name
        path.touch(mode)
        path.write_text(text)
        return str(path)

    def _start(
        self,
        inputs: dict[str, t.Any],
        environment: dict[str, str],
        arguments: list[str],
        arguments_file: str,
        **parameters: str,
    ) -> Job:
        installed = self.ansible.environment["ANSIBLE_COLLECTIONS_PATH"]
        environment |= {
            "ANSIBLE_HOST_KEY_CHECKING": "False",
            "ANSIBLE_FORCE_COLOR": "True",
            "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
            "AWX_PRIVATE_DATA_DIR": str(self.private),
            "ANSIBLE_COLLECTIONS_PATH": f"{self.runner / 'requirements_collections'}{os.pathsep}{installed}",
        }
        displayed: dict[str, t.Any] = {}
        inject_credential(
            managed_credential_type(), Credential(inputs), environment, displayed, arguments, str(self.private)
        )
        self._write_file(arguments_file, ansible_runner.utils.args2cmdline(*arguments))
        self._write_file("env/settings", json.dumps({"suppress_ansible_output": True, "suppress_output_file": True}))
        job_arguments: dict[str, t.Any] = {
            "ident": JOB_ID,
            "private_data_dir": str(self.private),
            "suppress_env_files": True,
            "envvars": environment,
            "fact_cache_type": "",
            **parameters,
        }
        events: list[dict[str, t.Any]] = []
        with (self.ansible.folder / "sent").open("w+b") as sent, (self.ansible.folder / "back").open("w+b") as back:
            # No job is cancelled. Without this callback, ansible-runner replaces the signal handlers of the tests
            common = {"cancel_callback": lambda: False}
            ansible_runner.interface.run(streamer="transmit", _output=sent, **common, **job_arguments)
            sent.seek(0)
            with mock.patch.dict(os.environ, self._container_environment(), clear=True):
                ansible_runner.interface.run(
                    streamer="worker", _input=sent, _output=back, private_data_dir=str(self.runner), **common
                )
            back.seek(0)
            result = ansible_runner.interface.run(
                streamer="process", quiet=True, _input=back, event_handler=events.append, **common, **job_arguments
            )
        return Job(result.status, events, displayed, [folder / "artifacts" for folder in (self.private, self.runner)])

    def _container_environment(self) -> dict[str, str]:
        """Return the environment of the container."""
        environment = self.ansible.environment
        return {
            **{name: environment[name] for name in ("ANSIBLE_HOME", "HOME", "LC_ALL", "PATH")},
            # By default the folder of root, since AWX runs everything as root in a container
            "ANSIBLE_REMOTE_TMP": str(self.ansible.folder / "tmp"),
        }


def managed_credential_type() -> ManagedCredentialType:
    """Return the credential type of the file in extensions/awx, in AWX's own form."""
    return ManagedCredentialType(
        namespace="", **{key: CREDENTIAL_TYPE[key] for key in ("name", "kind", "inputs", "injectors")}
    )


Item = dict[str, t.Any]
Store = tuple[dict[str, list[Item]], dict[str, t.Any], dict[str, list[Item]]]


class RequestRejectedError(Exception):
    """Rejects a request with this status and these errors."""

    def __init__(self, status: int, errors: t.Any) -> None:
        super().__init__(status, errors)
        self.status = status
        self.errors = errors


class Controller:
    """A fake of AWX's API: lists filtered by fields, items, surveys, associations, and some validation of AWX 24.6.1.

    ``revision`` is the newest commit of each project's repository, or ``None`` if AWX cannot read it. A request for ``STEP``,
    which AWX does not have, calls the next of ``steps``: functions of a test between the plays of one run.
    """

    STEP = "/step"
    token = "controller-token"

    def __init__(self) -> None:
        self.items: dict[str, list[Item]] = {"organizations": []}
        self.surveys: dict[str, t.Any] = {}
        self.associated: dict[str, list[Item]] = {}
        self.requests: list[tuple[str, str]] = []
        self.steps: list[t.Callable[[], None]] = []
        self.revision: str | None = "first"
        self.create("organizations", {"name": "Default"})

    def copy(self) -> Store:
        """Return a copy of the store."""
        return copy.deepcopy((self.items, self.surveys, self.associated))

    def load(self, store: Store) -> None:
        self.items, self.surveys, self.associated = copy.deepcopy(store)

    def create(self, kind: str, fields: Item) -> Item:
        items = self.items.setdefault(kind, [])
        url = f"/api/v2/{kind}/{len(items) + 1}/"
        related = {"survey_spec": f"{url}survey_spec/", "update": f"{url}update/"}
        item = {"id": len(items) + 1, "url": url, "related": related, "summary_fields": {}, "scm_revision": ""}
        items.append(item)
        try:
            return self.change(item, fields)
        except RequestRejectedError:
            items.remove(item)
            raise

    def change(self, item: Item, fields: Item) -> Item:
        """Change an item as AWX does for a PATCH. Raise ``RequestRejectedError`` if AWX would reject it."""
        fields = dict(fields)
        kind = item["url"].split("/")[3]
        if kind == "credentials" and "inputs" in fields:
            fields["inputs"] = self._merge_inputs(item, fields["inputs"])
        if kind == "schedules":
            self._check_answers({**item, **fields})
        if kind == "job_templates" and not self.items["projects"][{**item, **fields}["project"] - 1]["scm_revision"]:
            raise RequestRejectedError(400, {"playbook": ["Playbook not found for project."]})
        moved = any(item.get(name, "") != fields.get(name, item.get(name, "")) for name in ("scm_url", "scm_branch"))
        item |= fields
        if kind == "projects" and moved:
            update = self.update(item)
            # Only the response to this change has the current update
            return {**item, "summary_fields": {"current_update": {"id": update["id"]}}}
        return item

    def update(self, project: Item) -> Item:
        """Update a project at once."""
        status = "failed" if self.revision is None else "successful"
        project["scm_revision"] = self.revision or project["scm_revision"]
        fields = {
            "name": project["name"],
            "status": status,
            "failed": self.revision is None,
            "finished": "2026-01-01T00:00:00Z",
            "event_processing_finished": True,
        }
        return {**self.create("project_updates", fields), "scm_revision": project["scm_revision"]}

    @staticmethod
    def _merge_inputs(item: Item, given: Item) -> Item:
        """Return the inputs to store. They replace all stored ones, but ``$encrypted$`` keeps a stored secret."""
        stored = item.get("inputs", {})
        if any(value == "$encrypted$" and name not in stored for name, value in given.items()):
            # AWX raises KeyError for a change, and rejects a creation
            raise RequestRejectedError(500 if "inputs" in item else 400, "$encrypted$")
        return {name: stored[name] if value == "$encrypted$" else value for name, value in given.items() if value != ""}

    def _check_answers(self, schedule: Item) -> None:
        template = self.items["job_templates"][schedule["unified_job_template"] - 1]
        questions = {question["variable"]: question for question in self.surveys[template["name"]]["spec"]}
        answers = schedule.get("extra_data", {})
        if unknown := answers.keys() - questions.keys():
            raise RequestRejectedError(
                400, {"extra_data": [f"Variables {', '.join(unknown)} are not allowed on launch."]}
            )
        if wrong := [
            name
            for name, answer in answers.items()
            if answer not in questions[name].get("choices", [answer]) or not isinstance(answer, str)
        ]:
            raise RequestRejectedError(
                400, {"variables_needed_to_start": [f"Value for {name} expected to be ..." for name in wrong]}
            )

    def handle(self, method: str, path: str, query: dict[str, str], body: t.Any) -> tuple[int, t.Any]:
        self.requests.append((method, path))
        try:
            return self._route(method, path, query, body)
        except RequestRejectedError as refusal:
            return refusal.status, refusal.errors

    def _route(self, method: str, path: str, query: dict[str, str], body: t.Any) -> tuple[int, t.Any]:
        kind, *rest = path.removeprefix("/api/v2/").strip("/").split("/")
        items = self.items.get("job_templates" if kind == "unified_job_templates" else kind, [])
        if not rest:
            if method == "POST":
                return 201, hide_secrets(self.create(kind, body))
            return 200, list_response([item for item in items if all(str(item.get(k)) == v for k, v in query.items())])
        item = items[int(rest[0]) - 1]
        if rest[1:] == ["survey_spec"]:
            if method == "POST":
                self.surveys[item["name"]] = body
            return 200, self.surveys.get(item["name"], {})
        if rest[1:] == ["update"]:
            return 202, self.update(item)
        if kind == "project_updates":
            return 200, {**item, "scm_revision": self.items["projects"][0]["scm_revision"]}
        if rest[1:]:
            associated = self.associated.setdefault(path, [])
            if method == "POST":
                associated.append(self.items[rest[1]][body["id"] - 1])
                return 204, None
            return 200, list_response(associated)
        return 200, hide_secrets(self.change(item, body) if method == "PATCH" else item)


def list_response(items: list[Item]) -> Item:
    return {"count": len(items), "next": None, "results": [hide_secrets(item) for item in items]}


def hide_secrets(item: Item) -> Item:
    """Return an item as AWX shows it, without secrets."""
    secret = {field["id"] for field in CREDENTIAL_TYPE["inputs"]["fields"] if field.get("secret")}
    if "credential_type" in item:
        return {**item, "inputs": {k: "$encrypted$" if k in secret else v for k, v in item.get("inputs", {}).items()}}
    return item


@contextlib.contextmanager
def running_controller() -> t.Iterator[tuple[str, Controller]]:
    """Run a fake controller, and yield its URL and the controller."""
    controller = Controller()

    class Handler(http.server.BaseHTTPRequestHandler):
        def serve(self) -> None:
            url = urllib.parse.urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or "null")
            if url.path == controller.STEP:
                controller.steps.pop(0)()
                status, answer = 200, {}
            elif self.headers["Authorization"] == f"Bearer {controller.token}":
                status, answer = controller.handle(
                    self.command, url.path, dict(urllib.parse.parse_qsl(url.query)), body
                )
            else:
                status, answer = 401, {}
            content = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = serve

        def log_message(self, *dummy: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", controller
        finally:
            server.shutdown()

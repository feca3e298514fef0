# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the playbook ``edgecache.cloudflare.awx``.

Private to the playbooks of the collection: Ansible finds the filters in the folder next to the playbooks.
"""

from __future__ import annotations

import typing as t

CREDENTIAL = ("api_token", "api_email", "api_key")
"""The inputs that together are one credential. The other inputs can change separately."""


def awx_survey_problems(answers: t.Any, survey: dict[str, t.Any]) -> list[str]:
    """Return descriptions of the problems for which AWX would reject the answers to a survey.

    ``answers``: by variable. ``survey``: the survey in the format of AWX's API, with questions of the types text, textarea and
    multiplechoice.
    """
    if not isinstance(answers, dict):
        return [f"must be a dictionary of variables and answers, not {_brief(answers)}"]
    questions = {question["variable"]: question for question in survey["spec"]}
    problems = [
        f"{name} is not a variable of the survey, which has {', '.join(questions)}"
        for name in answers
        if name not in questions
    ]
    for name, question in questions.items():
        if name not in answers:
            if question["required"]:
                problems.append(f"{name} is missing")
        elif "choices" in question:
            if answers[name] not in question["choices"]:
                choices = " or ".join(map(repr, question["choices"]))
                problems.append(f"{name} must be {choices}, as a string in quotes, not {_brief(answers[name])}")
        elif not isinstance(answers[name], str):
            problems.append(f"{name} must be a string, not {_brief(answers[name])}")
    return problems


def awx_credential_inputs(given: dict[str, str], stored: dict[str, str], replace: bool) -> dict[str, str]:
    """Return the inputs to send for a credential that AWX already has.

    AWX replaces all inputs at once, but keeps each secret that is sent as AWX shows it, which is ``$encrypted$``. So the result has
    all of ``stored``, the inputs as AWX shows them, with the inputs of ``given`` that are not blank in their place. The credential
    itself is only replaced if ``replace`` is true and ``given`` has a token or key, and then all its parts are replaced.
    """
    given = {name: value for name, value in given.items() if value}
    if replace and ("api_token" in given or "api_key" in given):
        stored = {name: value for name, value in stored.items() if name not in CREDENTIAL}
    else:
        given = {name: value for name, value in given.items() if name not in CREDENTIAL}
    return {**stored, **given}


def _brief(value: t.Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


class FilterModule:
    """The filters by name."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"awx_survey_problems": awx_survey_problems, "awx_credential_inputs": awx_credential_inputs}

# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters of the playbook awx: the inputs of a credential, and the answers that AWX rejects."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.edgecache.cloudflare.playbooks.filter_plugins.awx_setup import FilterModule

FILTERS = FilterModule().filters()
SURVEY = {
    "spec": [
        {"variable": "a_text", "type": "textarea", "required": False},
        {"variable": "a_choice", "type": "multiplechoice", "required": False, "choices": ["false", "true"]},
        {"variable": "a_must", "type": "text", "required": True},
    ]
}
HIDDEN = "$encrypted$"
BLANK = dict.fromkeys(("api_token", "api_email", "api_key", "zone_id", "api_url"), "")
KEY = {"api_email": "a@example.com", "api_key": "key"}
STORED_KEY = {"api_email": "b@example.com", "api_key": HIDDEN, "zone_id": "b"}


@pytest.mark.parametrize(
    ("given", "stored", "replace", "inputs"),
    [
        ({"zone_id": "a"}, {"api_token": HIDDEN, "zone_id": "b"}, False, {"api_token": HIDDEN, "zone_id": "a"}),
        ({"api_token": "x"}, {"api_token": HIDDEN, "zone_id": "b"}, False, {"api_token": HIDDEN, "zone_id": "b"}),
        ({"api_token": "x"}, {"api_token": HIDDEN, "zone_id": "b"}, True, {"api_token": "x", "zone_id": "b"}),
        # An e-mail address is only valid with its key
        (KEY, STORED_KEY, False, STORED_KEY),
        (KEY, STORED_KEY, True, {**KEY, "zone_id": "b"}),
        ({"api_token": "x"}, STORED_KEY, True, {"api_token": "x", "zone_id": "b"}),
        ({"api_email": "a@example.com"}, STORED_KEY, True, STORED_KEY),
        # AWX replaces $encrypted$ only if it has stored the value
        ({"api_token": "x"}, {}, False, {}),
        ({"api_token": "x", "zone_id": "a"}, {}, True, {"api_token": "x", "zone_id": "a"}),
        ({}, {}, True, {}),
    ],
    ids=str,
)
def test_credential_inputs(
    given: dict[str, str], stored: dict[str, str], replace: bool, inputs: dict[str, str]
) -> None:
    assert FILTERS["awx_credential_inputs"]({**BLANK, **given}, stored, replace) == inputs


@pytest.mark.parametrize(
    ("answers", "problems"),
    [
        ({"a_must": ""}, []),
        ({"a_must": "x", "a_text": "x", "a_choice": "true"}, []),
        ({}, ["a_must is missing"]),
        ({"a_must": "x", "b": 1}, ["b is not a variable of the survey, which has a_text, a_choice, a_must"]),
        ({"a_must": "x", "a_text": [1]}, ["a_text must be a string, not [1]"]),
        ({"a_must": 7}, ["a_must must be a string, not 7"]),
        ({"a_must": None}, ["a_must must be a string, not None"]),
        (
            {"a_must": "x", "a_choice": True},
            ["a_choice must be 'false' or 'true', as a string in quotes, not True"],
        ),
        ({"a_must": "x", "a_choice": ""}, ["a_choice must be 'false' or 'true', as a string in quotes, not ''"]),
        (
            {"a_text": 1, "b": 1},
            [
                "b is not a variable of the survey, which has a_text, a_choice, a_must",
                "a_text must be a string, not 1",
                "a_must is missing",
            ],
        ),
        ({"a_must": ["x" * 1_000]}, [f"a_must must be a string, not ['{'x' * 58}…"]),
        ("a_must", ["must be a dictionary of variables and answers, not 'a_must'"]),
        ([], ["must be a dictionary of variables and answers, not []"]),
    ],
    ids=str,
)
def test_answer_problems(answers: t.Any, problems: list[str]) -> None:
    assert FILTERS["awx_survey_problems"](answers, SURVEY) == problems

# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of the role and the playbooks. An AWX survey returns each of them as a string.

Private to the collection: other code must not import this file.
"""

from __future__ import annotations

import json
import os
import re
import typing as t

from ansible.module_utils.common.yaml import yaml_load
from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import quote_value
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.zones import is_domain_name, is_zone_id
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import ConfigurationError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._ranges.sources import is_local_path
from ansible_collections.edgecache.cloudflare.plugins.module_utils._secrets import find_credentials, may_be_secret
from yaml import MarkedYAMLError, YAMLError

REPORT_FORMATS = (".html", ".json", ".csv", ".yml", ".yaml")
"""The possible ends of ``report_path``, in lower case."""

AUDITED_RESULTS = ("wrong", "ambiguous", "unknown")
"""The results of a hint that need a comparison with the ranges."""

ORIGIN_RESULTS = ("missing", "unused")
"""The results of a comparison with the origins of the zone."""

FAILING_RESULTS = ("wrong", "unsupported", "ambiguous", "unknown", *ORIGIN_RESULTS)
"""The possible items of ``report_fail_on``."""

_MISPLACED = "the value contains a credential, and is not shown."

_YAML_START = re.compile(r"\s*(---|#|[\[{'\"]|-\s)")
"""Matches a string in YAML. Any other string is one path or URL."""


def parse_variables(values: t.Mapping[str, t.Any], questions: t.Mapping[str, str]) -> dict[str, t.Any]:
    """Return the converted values by name, and under ``problems`` one message for each value that is not valid.

    Names lack the prefix ``cloud_region_hints_``. ``questions``: by name, the question of the AWX survey. If ``zone_hosts`` is set,
    ``report_path`` has folders instead of files.
    """
    parsers = (
        _PARSERS if _is_unanswered(values.get("zone_hosts")) else {**_PARSERS, "report_path": parse_report_folders}
    )
    converted: dict[str, t.Any] = {}
    problems: list[str] = []
    for name, value in values.items():
        try:
            converted[name] = parsers[name](value)
        except ConfigurationError as error:
            is_answer = name in questions and isinstance(value, str)
            survey = f" ({questions[name]} in the survey of AWX)" if is_answer else ""
            problems.append(f"cloud_region_hints_{name}{survey}: {error}")
    for variable, results in (("audit", AUDITED_RESULTS), ("report_origins", ORIGIN_RESULTS)):
        missing_results = [result for result in converted.get("report_fail_on", []) if result in results]
        if missing_results and not converted.get(variable, True):
            problems.append(
                f"cloud_region_hints_report_fail_on: {', '.join(missing_results)} cannot be found, because cloud_region_hints_{variable} "
                f"is false. Set cloud_region_hints_{variable} to true, or remove the word."
            )
    if converted.get("report_origins") and not converted.get("audit", True):
        problems.append(
            "cloud_region_hints_report_origins: the origins cannot be compared, because cloud_region_hints_audit is false. "
            "Set cloud_region_hints_audit to true, or cloud_region_hints_report_origins to false."
        )
    if converted.get("discover") and converted.get("derive") is False:
        problems.append(
            "cloud_region_hints_discover: the origins of a zone have no regions without the ranges. Set cloud_region_hints_derive to true."
        )
    return {**converted, "problems": problems}


def parse_boolean(value: t.Any) -> bool:
    """Return a boolean as modules parse it. The filter ``bool`` takes "y" and " true " for false."""
    try:
        return bool(boolean(value))
    except TypeError:
        raise ConfigurationError(f"{quote_value(value)} is not a boolean. Set it to true or false.") from None


def parse_boolean_or_true(value: t.Any) -> bool:
    """Return a boolean. A blank answer is true."""
    return _is_unanswered(value) or parse_boolean(value)


def parse_text(value: t.Any) -> str:
    return "" if value is None else str(value)


def parse_zone(value: t.Any) -> str:
    """Return a zone id or a domain name. Facts show it, and the module rejects a credential only afterwards."""
    text = parse_text(value)
    if is_misplaced_secret(text):
        raise ConfigurationError(f"{_MISPLACED} Use a zone id or a domain name.")
    return text


def is_misplaced_secret(zone: str) -> bool:
    """Return whether the id or the name of a zone may be a credential that was pasted there."""
    text = zone.strip()
    return may_be_secret(text) and not is_zone_id(text) and not is_domain_name(text)


def parse_mappings(value: t.Any) -> list[dict[str, t.Any]]:
    """Return a list of mappings, which may be a string in YAML. Their keys and values are not validated."""
    mappings = _parse_yaml(value) if isinstance(value, str) else value or []
    if not isinstance(mappings, (list, tuple)) or not all(isinstance(mapping, dict) for mapping in mappings):
        raise ConfigurationError(
            f"{quote_value(value)} is neither a list of mappings nor a string with such a list in YAML. "
            "Give each mapping an origin_ip, a vendor and a region."
        )
    return list(mappings)


def parse_sources(value: t.Any) -> list[str]:
    """Return paths and URLs of range files, also those of lists in the list. Paths are absolute."""
    sources = _flatten(_parse_list(value))
    for source in sources:
        if not isinstance(source, str):
            raise ConfigurationError(
                f"{quote_value(source)} is not a path or a URL. Set it to one, or to a list of them."
            )
        if find_credentials(source) == [source.strip()]:  # the absolute path would hide it from the module
            raise ConfigurationError(f"{_MISPLACED} Use paths and URLs.")
    return [absolute_path(source) for source in sources]


def parse_report_paths(value: t.Any) -> list[str]:
    """Return the absolute paths of the report's files, each once."""
    paths = _parse_list(value)
    for path in paths:
        if not isinstance(path, str) or os.path.splitext(path)[1].lower() not in REPORT_FORMATS:
            formats = f"{', '.join(REPORT_FORMATS[:-1])} or {REPORT_FORMATS[-1]}"
            raise ConfigurationError(
                f"{quote_value(path)} is not a file whose name ends in {formats}. Set it to one, or to a list of them."
            )
        if problem := _find_path_problem(os.path.expanduser(absolute_path(path))):
            raise ConfigurationError(f"{quote_value(path)} cannot be written, because {problem}")
    return list(dict.fromkeys(map(absolute_path, paths)))


def parse_report_folders(value: t.Any) -> list[str]:
    """Return the absolute paths of the folders of a report of many zones, each once."""
    paths = _parse_list(value)
    for path in paths:
        if not isinstance(path, str) or _is_no_folder(os.path.expanduser(absolute_path(path))):
            raise ConfigurationError(
                f"{quote_value(path)} is not a folder. With cloud_region_hints_zone_hosts, set it to an existing folder for the pages of "
                "all zones."
            )
    return list(dict.fromkeys(map(absolute_path, paths)))


def parse_failing_results(value: t.Any) -> list[str]:
    """Return the results that make the report fail: a list, or a string with a list in YAML or with words between commas."""
    words = _parse_list(value)
    if isinstance(value, str) and words == [value.strip()]:
        words = value.replace(",", " ").split()
    for word in words:
        if word not in FAILING_RESULTS:
            raise ConfigurationError(
                f"{quote_value(word)} is not a result that can fail the report. Set it to a list of {', '.join(FAILING_RESULTS)}."
            )
    return list(dict.fromkeys(words))


def _find_path_problem(path: str) -> str:
    """Return why no file can be written to an absolute path, and the fix; an empty string if it seems possible."""
    if _is_no_folder(os.path.dirname(path)):
        return "its folder does not exist. Create the folder, or set another path."
    return "it is a folder. Set the path of a file." if os.path.isdir(path) else ""


def _is_no_folder(path: str) -> bool:
    """Return whether a path is certainly not that of a folder.

    Permissions are not checked, since the task that writes to the folder may run as another user.
    """
    try:
        os.stat(os.path.join(path, "."))
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        pass
    return False


def absolute_path(path: str) -> str:
    """Return a relative path as one in the working directory of the job. A URL and a path with ``~`` are returned as they are.

    Modules would look for a relative path in the folder of the playbook, which is the collection's for its own playbooks.
    """
    return os.path.join(os.getcwd(), path) if is_local_path(path) and not path.startswith("~") else path


def _is_unanswered(value: t.Any) -> bool:
    return value is None or not str(value).strip()


def _parse_list(value: t.Any) -> list[t.Any]:
    """Return the items of a list, of a string in YAML, or of a string that is the only item."""
    if _is_unanswered(value):
        return []
    if isinstance(value, str):
        value = _parse_yaml(value) if _YAML_START.match(value) else value.strip()
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _flatten(items: t.Iterable[t.Any]) -> list[t.Any]:
    """Return the items of nested lists, without ``None``."""
    flat: list[t.Any] = []
    for item in items:
        flat += _flatten(item) if isinstance(item, (list, tuple)) else [] if item is None else [item]
    return flat


def _parse_yaml(text: str) -> t.Any:
    """Return the content of a string in YAML, or an empty list for a blank string. Types that JSON lacks, such as dates, become strings."""
    try:
        # The parser rejects a string of Ansible, whose type is a subclass of str, and whose str() may be so too
        return json.loads(json.dumps(yaml_load("".join(text)), default=str)) or []
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        position = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = ", ".join(filter(None, (error.context, error.problem)))
        raise ConfigurationError(f"not valid YAML: {problem}{position}.") from None
    except (YAMLError, TypeError, ValueError, RecursionError) as error:  # TypeError: a key that JSON lacks
        raise ConfigurationError(f"not valid YAML: {' '.join(str(error).split())}.") from None


_PARSERS: dict[str, t.Callable[[t.Any], t.Any]] = {
    "zone_id": parse_zone,
    "zone": parse_zone,
    "group": parse_text,
    "mappings": parse_mappings,
    "mappings_hash": parse_text,
    "sources": parse_sources,
    "report_path": parse_report_paths,
    "report_fail_on": parse_failing_results,
    "zone_hosts": parse_text,
    "audit": parse_boolean_or_true,
    **dict.fromkeys(
        (
            *("switch_on", "purge", "allow_empty", "discover", "resolve", "derive", "strict"),
            *("validate_regions", "validate_addresses", "report", "report_regional", "report_origins"),
        ),
        parse_boolean,
    ),
}
"""By name without the prefix ``cloud_region_hints_``, the function that converts a variable."""

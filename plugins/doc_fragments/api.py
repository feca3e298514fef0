# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that all modules and plugins share, and where plugins find them beside their own arguments."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  api_token:
    description:
      - An API token of Cloudflare. The preferred credential. Excludes O(api_email) and O(api_key).
      - Without any credential among the options, the environment variables E(CLOUDFLARE_API_TOKEN) and then E(CLOUDFLARE_TOKEN) are
        used. A credential that is given as an option is used alone, never mixed with parts from the environment.
    type: str
  api_email:
    description:
      - The e-mail address of the user whose global API key is O(api_key).
      - Without any credential among the options, and without a token in the environment, the environment variable
        E(CLOUDFLARE_EMAIL) is used.
    type: str
    aliases:
      - account_email
  api_key:
    description:
      - A global API key, the older kind of credential. Needs O(api_email).
      - Without any credential among the options, and without a token in the environment, the environment variable
        E(CLOUDFLARE_API_KEY) is used.
    type: str
    aliases:
      - account_api_key
  zone_id:
    description:
      - The id of the zone, 32 hexadecimal digits. Exactly one of O(zone_id) and O(zone) is needed.
      - Without either, the environment variable E(CLOUDFLARE_ZONE_ID) is used.
    type: str
  zone:
    description:
      - The domain name of the zone. Costs one request more than O(zone_id), and a token that is allowed to list the zone.
    type: str
  api_url:
    description:
      - The address of the API.
      - Without this option, the environment variable E(CLOUDFLARE_BASE_URL) is used, and without that
        V(https://api.cloudflare.com/client/v4).
    type: str
  timeout:
    description:
      - Seconds that one request may take to connect, and that may pass between two bytes of its answer.
      - A whole answer, to its last byte, takes at most O(timeout) and what is left of O(max_wait). The time beyond O(timeout) counts as
        waiting.
    type: float
    default: 30.0
  max_wait:
    description:
      - Seconds that a module, or one call of a lookup, may spend in all on waiting, for rate limits to end and for a broken server or
        connection to recover.
        Each wait is told in a warning.
      - The default survives one block by the rate limit, which lasts five minutes. With V(0), the first obstacle is an error.
      - An answer that says how long to wait is obeyed to the second. If that is longer than what is left, the task fails at once.
    type: float
    default: 330.0
  validate_certs:
    description:
      - Whether to check the certificate of the API. Switch off for tests only.
    type: bool
    default: true
  ca_path:
    description:
      - A file or a directory with the CA certificates to trust, instead of those that requests finds by itself.
    type: path
requirements:
  - requests >= 2.29
  - netaddr >= 1.0.0
notes:
  - The usual proxy variables, such as E(HTTPS_PROXY), are heeded. Redirects are not followed.
"""

    MODULES = r"""
options: {}
notes:
  - The module talks to the API from the host that it runs on, and reads the environment variables of that host. With
    C(delegate_to=localhost), or in a play for C(localhost), that is the controller.
"""

    PLUGINS = r"""
options:
  api_token:
    env:
      - name: CLOUDFLARE_TOKEN
      - name: CLOUDFLARE_API_TOKEN
    ini:
      - section: edgecache_cloudflare
        key: api_token
    vars:
      - name: cloudflare_api_token
  api_email:
    env:
      - name: CLOUDFLARE_EMAIL
    ini:
      - section: edgecache_cloudflare
        key: api_email
    vars:
      - name: cloudflare_api_email
  api_key:
    env:
      - name: CLOUDFLARE_API_KEY
    ini:
      - section: edgecache_cloudflare
        key: api_key
    vars:
      - name: cloudflare_api_key
  zone_id:
    env:
      - name: CLOUDFLARE_ZONE_ID
    ini:
      - section: edgecache_cloudflare
        key: zone_id
    vars:
      - name: cloudflare_zone_id
  zone:
    ini:
      - section: edgecache_cloudflare
        key: zone
    vars:
      - name: cloudflare_zone
  api_url:
    env:
      - name: CLOUDFLARE_BASE_URL
    ini:
      - section: edgecache_cloudflare
        key: api_url
    vars:
      - name: cloudflare_api_url
  timeout:
    ini:
      - section: edgecache_cloudflare
        key: timeout
    vars:
      - name: cloudflare_timeout
  max_wait:
    ini:
      - section: edgecache_cloudflare
        key: max_wait
    vars:
      - name: cloudflare_max_wait
  validate_certs:
    ini:
      - section: edgecache_cloudflare
        key: validate_certs
    vars:
      - name: cloudflare_validate_certs
  ca_path:
    ini:
      - section: edgecache_cloudflare
        key: ca_path
    vars:
      - name: cloudflare_ca_path
notes:
  - The plugin talks to the API from the controller and reads the environment variables of the controller.
  - An option is taken from the plugin's own arguments, then from the variables, then from the environment, then from the
    configuration file. A credential is taken whole from the first of these that has any part of one, and the zone likewise.
"""

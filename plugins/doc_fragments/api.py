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
      - An API token of Cloudflare, the preferred credential. Cannot be combined with O(api_email) and O(api_key).
      - If no option has a credential, defaults to the environment variable E(CLOUDFLARE_API_TOKEN), then E(CLOUDFLARE_TOKEN).
      - A credential from the options is used alone. It is never combined with parts from the environment.
    type: str
  api_email:
    description:
      - The e-mail address of the user whose global API key is O(api_key).
      - If neither the options have a credential nor the environment a token, defaults to the environment variable
        E(CLOUDFLARE_EMAIL).
    type: str
    aliases:
      - account_email
  api_key:
    description:
      - A global API key, the older kind of credential. Requires O(api_email).
      - If neither the options have a credential nor the environment a token, defaults to the environment variable
        E(CLOUDFLARE_API_KEY).
    type: str
    aliases:
      - account_api_key
  zone_id:
    description:
      - The id of the zone, 32 hexadecimal digits. Specify exactly one of O(zone_id) and O(zone).
      - Without either, defaults to the environment variable E(CLOUDFLARE_ZONE_ID).
    type: str
  zone:
    description:
      - The domain name of the zone. Costs one more request than O(zone_id), and needs a token that may list the zone.
    type: str
  api_url:
    description:
      - The address of the API.
      - Defaults to the environment variable E(CLOUDFLARE_BASE_URL), then to V(https://api.cloudflare.com/client/v4).
    type: str
  timeout:
    description:
      - The seconds that one request may take to connect, and that may pass between two bytes of its answer.
      - A whole answer may take O(timeout) and the rest of O(max_wait). The time beyond O(timeout) counts as waiting.
    type: float
    default: 30.0
  max_wait:
    description:
      - The seconds that a module, or one call of a lookup, may wait in total for a rate limit to end, or for a server or connection
        to recover. A warning reports each wait.
      - The default survives one block by the rate limit, which lasts five minutes. With V(0), the first obstacle is an error.
      - If an answer says how long to wait, the wait takes exactly that time. If the rest of O(max_wait) is shorter, the task fails at
        once.
    type: float
    default: 330.0
  validate_certs:
    description:
      - Whether to verify the certificate of the API. Disable only for tests.
    type: bool
    default: true
  ca_path:
    description:
      - A file or directory with the CA certificates to trust, instead of those that the library requests uses by default.
    type: path
requirements:
  - requests >= 2.29
  - netaddr >= 1.0.0
notes:
  - Proxy environment variables, such as E(HTTPS_PROXY), apply. Redirects are not followed.
"""

    MODULES = r"""
options: {}
notes:
  - The module sends requests from the host that it runs on, and reads the environment variables of that host. With
    C(delegate_to=localhost), or in a play for C(localhost), that host is the controller.
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
  - The plugin sends requests from the controller, and reads the environment variables of the controller.
  - An option comes from the plugin's arguments, then from variables, then from the environment, then from the configuration file.
    The whole credential comes from the first of these sources that has any part of one. The same holds for the zone.
"""

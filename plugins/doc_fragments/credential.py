# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options for the API and its credential, and the other places where plugins look for them."""

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
      - Defaults to the environment variable E(CLOUDFLARE_EMAIL), unless an option has a credential or the environment has a token.
    type: str
    aliases:
      - account_email
  api_key:
    description:
      - A global API key, the older kind of credential. Requires O(api_email).
      - Defaults to the environment variable E(CLOUDFLARE_API_KEY), unless an option has a credential or the environment has a token.
    type: str
    aliases:
      - account_api_key
  api_url:
    description:
      - The address of the API.
      - Defaults to the environment variable E(CLOUDFLARE_BASE_URL), then to V(https://api.cloudflare.com/client/v4).
    type: str
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
  api_url:
    env:
      - name: CLOUDFLARE_BASE_URL
    ini:
      - section: edgecache_cloudflare
        key: api_url
    vars:
      - name: cloudflare_api_url
notes:
  - The first source with a value sets an option. The sources are the call of the lookup or the inventory file, then variables, then the
    environment, then the configuration file.
    The credential comes completely from the first source that has any part of a credential. The zone follows the same rule.
"""

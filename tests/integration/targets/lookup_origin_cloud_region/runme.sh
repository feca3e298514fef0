#!/usr/bin/env bash
# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

set -eux

config=../../integration_config.yml
url=$(sed -n 's/^api_url: *//p' "$config")
export ANSIBLE_ROLES_PATH=..
unset CLOUDFLARE_API_TOKEN CLOUDFLARE_TOKEN CLOUDFLARE_EMAIL CLOUDFLARE_API_KEY CLOUDFLARE_ZONE_ID CLOUDFLARE_BASE_URL

cat >"$OUTPUT_DIR/ansible.cfg" <<END
[edgecache_cloudflare]
api_token = not-the-token-of-the-simulator
zone_id = 023e105f4ecef8ad9ca31a8372d0c353
max_wait = 10
END
ANSIBLE_CONFIG=$OUTPUT_DIR/ansible.cfg CLOUDFLARE_TOKEN=simulator-token CLOUDFLARE_BASE_URL=$url \
    ansible-playbook lookup.yml -e "@$config" "$@"

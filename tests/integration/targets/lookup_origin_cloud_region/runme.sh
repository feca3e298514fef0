#!/usr/bin/env bash
# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

set -eux

config=../../integration_config.yml
url=$(sed -n 's/^api_url: *//p' "$config")
zone_id=023e105f4ecef8ad9ca31a8372d0c353
export ANSIBLE_ROLES_PATH=..
unset CLOUDFLARE_API_TOKEN CLOUDFLARE_TOKEN CLOUDFLARE_EMAIL CLOUDFLARE_API_KEY CLOUDFLARE_ZONE_ID CLOUDFLARE_BASE_URL

# Options by keyword and by variable
ansible-playbook options.yml -e "@$config" "$@"

# Options from the environment
CLOUDFLARE_API_TOKEN='' CLOUDFLARE_TOKEN=simulator-token CLOUDFLARE_ZONE_ID=$zone_id CLOUDFLARE_BASE_URL=$url \
    ansible-playbook elsewhere.yml -e "@$config" "$@"

# What the lookups of one run share
CLOUDFLARE_API_TOKEN=simulator-token CLOUDFLARE_ZONE_ID=$zone_id CLOUDFLARE_BASE_URL=$url \
    ansible-playbook shared.yml -e "@$config" "$@"

# Options from the configuration file
cat >"$OUTPUT_DIR/ansible.cfg" <<END
[edgecache_cloudflare]
api_email = simulator@example.com
api_key = simulator-key
zone_id = $zone_id
api_url = $url
max_wait = 10
END
ANSIBLE_CONFIG=$OUTPUT_DIR/ansible.cfg ansible-playbook elsewhere.yml -e "@$config" "$@"

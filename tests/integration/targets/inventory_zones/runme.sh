#!/usr/bin/env bash
# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

set -eux

config=../../integration_config.yml
url=$(sed -n 's/^api_url: *//p' "$config")
export ANSIBLE_ROLES_PATH=.. ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED=true
export ANSIBLE_INVENTORY_CACHE_CONNECTION=$OUTPUT_DIR/cache
unset CLOUDFLARE_API_TOKEN CLOUDFLARE_TOKEN CLOUDFLARE_EMAIL CLOUDFLARE_API_KEY CLOUDFLARE_ZONE_ID CLOUDFLARE_BASE_URL

# Options of the environment and the groups that exist without an option
CLOUDFLARE_TOKEN=simulator-token CLOUDFLARE_BASE_URL=$url \
    ansible-playbook -i plain.cloudflare_zones.yml plain.yml -e "@$config" "$@"

# Conditions, templates in options, and groups and variables of the file. The second run reads the cache.
ansible-inventory -i selected.cloudflare_zones.yml --graph -e "@$config" >"$OUTPUT_DIR/graph"
ansible-playbook -i selected.cloudflare_zones.yml selected.yml -e "@$config" "$@"
grep -- '|--@type_partial:' "$OUTPUT_DIR/graph"

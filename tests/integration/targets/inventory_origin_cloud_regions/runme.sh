#!/usr/bin/env bash
# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

set -eux

config=../../integration_config.yml
url=$(sed -n 's/^api_url: *//p' "$config")
export ANSIBLE_ROLES_PATH=.. ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED=true
unset CLOUDFLARE_API_TOKEN CLOUDFLARE_TOKEN CLOUDFLARE_EMAIL CLOUDFLARE_API_KEY CLOUDFLARE_ZONE_ID CLOUDFLARE_BASE_URL

ansible-playbook seed.yml -e "@$config" "$@"

# Options from the environment, and the groups that need no option
CLOUDFLARE_TOKEN=simulator-token CLOUDFLARE_ZONE_ID=023e105f4ecef8ad9ca31a8372d0c353 CLOUDFLARE_BASE_URL=$url \
    ansible-playbook -i plain.cloudflare_origins.yml plain.yml -e "@$config" -e '{"operations": ["list"]}' "$@"

# Two zones, options from the file with templates, and groups and variables of one's own. The second time nothing is asked.
for _ in 1 2; do
    ANSIBLE_INVENTORY_CACHE_CONNECTION=$OUTPUT_DIR/cache \
        ansible-playbook -i zones.cloudflare_origins.yml zones.yml -e "@$config" \
        -e '{"operations": ["list", "zones-get", "list", "list"]}' "$@"
done

# Ordinary values are shown as they are, not as unsafe
ANSIBLE_INVENTORY_CACHE_CONNECTION=$OUTPUT_DIR/cache ansible-inventory -i zones.cloudflare_origins.yml --list \
    -e "@$config" >"$OUTPUT_DIR/listed"
grep '"region": "us-east-1"' "$OUTPUT_DIR/listed"
grep '"modified_on": "2026-03-01T12:00:00Z"' "$OUTPUT_DIR/listed"

# What goes wrong is told
if ANSIBLE_INVENTORY_CACHE_CONNECTION=$OUTPUT_DIR/other ansible-inventory -i zones.cloudflare_origins.yml --list \
    -e 'api_url=http://127.0.0.1:9/client/v4 cloudflare_max_wait=0' >"$OUTPUT_DIR/failed" 2>&1; then exit 1; fi
tr '\n' ' ' <"$OUTPUT_DIR/failed" | grep 'Connection refused' # Ansible breaks lines anywhere
if grep simulator-token "$OUTPUT_DIR/failed"; then exit 1; fi

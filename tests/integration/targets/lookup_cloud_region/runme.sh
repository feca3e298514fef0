#!/usr/bin/env bash
# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

set -eux

unset CLOUDFLARE_API_TOKEN CLOUDFLARE_TOKEN CLOUDFLARE_EMAIL CLOUDFLARE_API_KEY CLOUDFLARE_ZONE_ID CLOUDFLARE_BASE_URL

cat >"$OUTPUT_DIR/ansible.cfg" <<END
[edgecache_cloudflare]
cloud_range_sources = $PWD/../setup_cloud_ranges/files/aws.json, $PWD/../setup_cloud_ranges/files/gcp.json
END
ANSIBLE_CONFIG=$OUTPUT_DIR/ansible.cfg ansible-playbook lookup.yml "$@"

#!/usr/bin/env bash
# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

set -eux

export ANSIBLE_ROLES_PATH=..
ansible-playbook -i clouds -i inventory.ini role.yml -e @../../integration_config.yml "$@"

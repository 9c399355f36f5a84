#!/usr/bin/env bash
# Makes a HOME for the browser, as a subscriber's machine would have it.
#
#     home.sh HOME CA.pem [FILE.p12 PASSWORD]
#
# HOME must not exist yet. The CA is trusted for TLS servers; the .p12 is put into the same store,
# where Chromium finds client certificates.
set -euo pipefail

home=$1 ca=$2
store=$home/.pki/nssdb
mkdir "$home"
mkdir -p "$store"
certutil -d "sql:$store" -N --empty-password
certutil -d "sql:$store" -A -t C,, -n tls-ca -i "$ca"
if [ $# -ge 4 ]; then
    pk12util -d "sql:$store" -K '' -i "$3" -W "$4"
fi

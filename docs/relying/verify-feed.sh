#!/bin/sh
# Verifies a feed of the relying API: verify-feed.sh FEED SIGNATURE CA
# CA is the root of the subscribers' certificates, PEM. Ends with 0 where the feed is the authority's.
set -eu
signer=$(mktemp)
trap 'rm -f "$signer"' EXIT
openssl cms -verify -binary -inform DER -in "$2" -content "$1" -CAfile "$3" -purpose any \
    -signer "$signer" -out /dev/null
# Subscribers' certificates come from the same root: only one that is for documents alone may sign (RFC 9336).
openssl x509 -in "$signer" -noout -ext extendedKeyUsage |
    grep -Eqi '^ *(1\.3\.6\.1\.5\.5\.7\.3\.36|document ?signing) *$' || {
    echo "the signer's certificate is not one for documents" >&2
    exit 1
}

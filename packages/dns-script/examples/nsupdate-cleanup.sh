#!/bin/sh
# Removes that one TXT value with nsupdate (BIND's own tool). Beside this file: nsupdate.conf with SERVER, PORT and KEY_FILE, mode 0600.
set -eu
. "$(dirname "$0")/nsupdate.conf"

# Split as it was when it was added.
strings=$(printf '%s' "$CERTCTL_DNS_VALUE" | fold -b -w 255 | sed 's/["\\]/\\&/g; s/.*/"&"/' | tr '\n' ' ')
nsupdate -v -k "$KEY_FILE" <<EOF
server $SERVER $PORT
update delete $CERTCTL_DNS_FQDN. TXT $strings
send
EOF

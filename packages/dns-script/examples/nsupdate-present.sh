#!/bin/sh
# Adds one TXT value with nsupdate (BIND's own tool). Beside this file: nsupdate.conf with SERVER, PORT and KEY_FILE, mode 0600.
set -eu
. "$(dirname "$0")/nsupdate.conf"

# A character string holds 255 bytes; longer values, as dns-persist-01 has them, become several.
strings=$(printf '%s' "$CERTCTL_DNS_VALUE" | fold -b -w 255 | sed 's/["\\]/\\&/g; s/.*/"&"/' | tr '\n' ' ')
nsupdate -v -k "$KEY_FILE" <<EOF
server $SERVER $PORT
prereq nxrrset $CERTCTL_DNS_FQDN. CNAME
update add $CERTCTL_DNS_FQDN. 60 TXT $strings
send
EOF

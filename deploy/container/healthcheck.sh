#!/bin/bash
# Exit 0 if a path of the server's HTTP port answers 200:  healthcheck PORT PATH
# bash speaks TCP itself, so that the image needs no curl.
set -euo pipefail
exec 3<>"/dev/tcp/127.0.0.1/${1:?a port}"
printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "${2:?a path}" >&3
read -r _ status _ <&3
[[ "$status" == 200 ]]

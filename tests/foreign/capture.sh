#!/usr/bin/env bash
# What the foreign clients really send, through a broker of its own, into tests/data/sparkplug/: ./tests/foreign/capture.sh
set -euo pipefail
cd "$(dirname "$0")"
export PATH="$PATH:/usr/sbin" PYTHONDONTWRITEBYTECODE=1
python=../../.venv/bin/python
wrapper=../../.venv-spb/bin/python
out=../data/sparkplug
port=21899

folder=$(mktemp -d)
printf 'listener %s 127.0.0.1\nallow_anonymous true\n' "$port" >"$folder/conf"
mosquitto -c "$folder/conf" >"$folder/log" 2>&1 &
broker=$!
trap 'kill $broker; rm -rf "$folder"' EXIT
sleep 1

cat >"$folder/rows" <<'ROWS'
{"ts":1795461000000,"values":{"PI-101":2710.4,"LI-102":-5.25}}
{"ts":1795461001000,"values":{"PI-101":2711.5}}
{"ts":1795461002000,"values":{"PI-101":2712,"end":1.0}}
ROWS

capture() {
  local name=$1
  shift
  "$python" capture.py --port "$port" --idle 2 >"$out/$name.txt" &
  local capture=$!
  sleep 1
  # Its end may be a SIGKILL; what counts is what came out.
  "$@" --port "$port" --group rugang --device reactor --rows "$folder/rows" || true
  wait "$capture"
}

mkdir -p "$out"
for end in graceful killed; do
  capture "pysparkplug-$end" "$python" pysparkplug_node.py --node py1 --end "$end"
  capture "sparkplug-client-$end" node sparkplug_client_node.js --node js1 --end "$end"
  capture "spb-wrapper-$end" "$wrapper" spb_wrapper_node.py --node spb1 --end "$end"
done
capture sparkplug-client-silent node sparkplug_client_node.js --node js1 --silent
capture spb-wrapper-two-nodes "$wrapper" spb_wrapper_node.py --node spb1 --second spb2
capture pysparkplug-types "$python" pysparkplug_node.py --node py1 --types
capture sparkplug-client-types node sparkplug_client_node.js --node js1 --types
wc -l "$out"/*.txt

#!/usr/bin/env bash
# The walk of README.md: a gas leak from the first alarm to the closed case, between a county's Davy, a city's, and three departments.
# Wants `davy` and `mosquitto_pub` on the PATH; takes ports 18831, 50061, 50062, 8091, 8092 and a temporary folder.
set -euo pipefail
cd "$(dirname "$0")"
folder=$(mktemp -d)
county=http://127.0.0.1:50061 city=http://127.0.0.1:50062
davy up --site county.toml --node rugao --data "$folder/county" --log warn --mqtt-listen 127.0.0.1:18831 \
  --grpc-listen 127.0.0.1:50061 --http-listen 127.0.0.1:8091 2>"$folder/county.log" &
davy up --site city.toml --node nantong --upstream rugao=$county --data "$folder/city" --log warn --mqtt-listen 127.0.0.1:0 \
  --grpc-listen 127.0.0.1:50062 --http-listen 127.0.0.1:8092 2>"$folder/city.log" &
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$folder"' EXIT
ready() { until curl -fs "http://127.0.0.1:$1/readyz" >/dev/null; do sleep 0.2; done; }
ready 8091
ready 8092

export DAVY_SERVER=$county DAVY_ACTOR=当班
sends() { mosquitto_pub -p 18831 -q 1 -t davy/v1/rugang/e01/gw1/telemetry -m "{\"ts\":$(date +%s%3N),\"values\":{$1}}"; }
# The id of the newest event of a kind, at the county or at the city.
newest() {
  local id=
  until [ -n "$id" ]; do
    id=$(davy query events --server "$2" --json | grep -F "\"kind\":\"$1\"" | tail -1 | sed 's/^{"id":"\([^"]*\)".*/\1/' || true)
  done
  echo "$id"
}

# The wind comes from the south; then chlorine at more than twice the limit.
sends '"WS":3.2,"WD":180,"AT-1":0.1'
sends '"AT-1":5.4'
warning=$(newest warning.opened $county)
newest warning.picture $county >/dev/null
for department in rugao-transport rugang-office rugao-emergency; do davy warning receive "$warning" $department; done

# Everybody does their part.
report() { davy report "$1" --department "$2" --about "$warning" "${@:3}"; }
report response_level rugao-emergency --set level=iii --set plan=chlorine
report dispatch rugao-emergency --set resource=rugang-team --set from=应急站 --set to=e01-chlorine --set state=ordered
report diversion rugao-transport --set road=疏港公路 --set "warning=$warning"
report gate_pass rugang-office --set gate=gate-3 --set vehicle=苏F12345 --set way=out
for people in 12 7 0; do report head_count rugang-office --set place=e01-yard --set people=$people; done
report zone_emptied rugang-office --set place=e01-yard --set people_left=0
davy incident declare e01 --what accident --title 液氯泄漏 --installation e01-chlorine --about "$warning"
davy incident notify "$(newest incident.declared $county)" e01 --duty head-to-county --reference 2026-17
davy warning respond "$warning" rugao-transport --text 已绕行
davy warning respond "$warning" rugang-office --text 已清空
davy warning respond "$warning" rugao-emergency --text 已响应

# The leak is stopped; who has to look into it does, and the warning is closed.
sends '"AT-1":0.1'
report all_clear rugao-emergency --set place=e01-chlorine
clear=$(newest report.all_clear $county)
davy case open rugao-emergency --title 液氯泄漏联合调查 --enterprise e01 --due 72h --evidence "$warning" --evidence "$clear" \
  --task rugao-transport=查运单 --task rugang-office=查作业票 --task rugao-emergency=查储罐
case=$(newest case.opened $city)
for department in rugao-transport rugang-office rugao-emergency; do davy case answer "$case" $department --text 已查 --evidence "$clear"; done
newest case.closed $county >/dev/null
for department in rugao-transport rugang-office rugao-emergency; do davy warning resolve "$warning" $department --text 已办结; done
davy warning close "$warning" rugao-emergency --text '泄漏已止，解除警报' --evidence "$clear"
newest warning.closed $city >/dev/null

echo "== what the city has of it"
davy query events --server $city | grep -E ' (warning|report|incident|case)\.'
davy query warnings --server $city
davy query upstreams --server $city
davy query subscriptions --server $county

// An edge node on sparkplug-client (npm): one device, its rows as DDATA. Arguments and what it prints: see foreign.py.
//
// The library publishes everything at QoS 0 and offers no setting for it; `--qos 1` goes through its MQTT client's own publish.
// It leaves a rebirth command to the application: `--answers` publishes the births again, otherwise it is only said.
// Its `stop()` sends no NDEATH unless `publishDeath` is set, and a DISCONNECT takes the Will with it: `--silent` shows that.
"use strict";

const fs = require("fs");
const { parseArgs } = require("util");
const { newClient } = require("sparkplug-client");

const text = (fallback) => ({ type: "string", ...(fallback === undefined ? {} : { default: fallback }) });
const { values: options } = parseArgs({
  options: {
    host: text("127.0.0.1"),
    port: text(),
    group: text(),
    node: text(),
    device: text(),
    rows: text(),
    qos: text("1"),
    pace: text("0"),
    end: text("graceful"),
    answers: { type: "boolean", default: false },
    silent: { type: "boolean", default: false },
    types: { type: "boolean", default: false }, // metrics of many datatypes at the node, too
  },
});

const WINDOW = 200;
const say = (...words) => console.log(words.join(" "));
const fail = (why) => {
  console.error(why);
  process.exit(1);
};

const rows = fs.readFileSync(options.rows, "utf8").split("\n").filter((line) => line.trim()).map((line) => JSON.parse(line));
if (rows.length === 0) fail(`${options.rows}: no rows`);
const tags = [...new Set(rows.flatMap((row) => Object.keys(row.values)))];
const metric = (tag, row) => ({ name: tag, type: "Double", value: row.values[tag] ?? null, timestamp: row.ts });

const client = newClient({
  serverUrl: `mqtt://${options.host}:${options.port}`,
  username: "",
  password: "",
  groupId: options.group,
  edgeNode: options.node,
  clientId: `${options.group}-${options.node}`,
  version: "spBv1.0",
  publishDeath: !options.silent,
});

const EDGES = {
  Int8: [-128, -4, 0, 127, null],
  Int16: [-32768, -4, 0, 32767, null],
  Int32: [-2147483648, -4, 0, 2147483647, null],
  Int64: [-4, 0, 9007199254740991, null],
  UInt8: [0, 255, null],
  UInt16: [0, 65535, null],
  UInt32: [0, 4294967295, null],
  UInt64: [0, 9007199254740991, null],
  Float: [-1.5, 0.1, null],
  Double: [0.1, Infinity, NaN, null],
  Boolean: [true, false, null],
  String: ["open", "阀门", "", null],
  DateTime: [1795461000000],
  Text: ["text"],
  UUID: ["0f8fad5b-d9cb-469f-a165-70867728950e"],
  Bytes: [Buffer.from([0, 255])],
  DataSet: [{ numOfColumns: 2, types: ["Double", "String"], columns: ["a", "b"], rows: [[1.5, "x"]] }],
};
const typed = (ts, round) => [
  ...Object.entries(EDGES).map(([type, edges]) => ({ name: `types/${type}`, type, value: edges[round % edges.length], timestamp: ts })),
  { name: "no time", type: "Double", value: round },
  { name: "historical", type: "Double", value: round, timestamp: ts, isHistorical: true },
  { name: "transient", type: "Double", value: round, timestamp: ts, isTransient: true },
  { name: "quality", type: "Double", value: round, timestamp: ts, properties: { Quality: { type: "Int32", value: [192, 0, 500][round % 3] } } },
  { name: "unit", type: "Double", value: round, timestamp: ts, properties: { engUnit: { type: "String", value: "kPa" } } },
  { name: "by alias", alias: 7, type: "Double", value: round, timestamp: ts },
];

let sent = 0;
let acked = 0;
const publish = client.client.publish.bind(client.client);
client.client.publish = (topic, payload) => {
  sent += 1;
  return publish(topic, payload, { qos: Number(options.qos) }, (error) => (error ? fail(`${topic}: ${error}`) : (acked += 1)));
};

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function wait(what, done) {
  const deadline = Date.now() + 60_000;
  while (!done()) {
    if (Date.now() > deadline) fail(`waited a minute in vain: ${what}`);
    await sleep(2);
  }
}

function births(row) {
  const control = { name: "Node Control/Rebirth", type: "Boolean", value: false };
  client.publishNodeBirth({ timestamp: Date.now(), metrics: [control, ...(options.types ? typed(row.ts, 0) : [])] });
  client.publishDeviceBirth(options.device, { timestamp: Date.now(), metrics: tags.map((tag) => metric(tag, row)) });
}

async function publishAll() {
  for (const [index, row] of rows.entries()) {
    if (index > 0 && options.pace !== "0") await sleep(Number(options.pace));
    await wait("the broker acknowledges", () => sent - acked < WINDOW);
    const metrics = Object.keys(row.values).map((tag) => metric(tag, row));
    client.publishDeviceData(options.device, { timestamp: row.ts, metrics });
    if ((index + 1) % 500 === 0) say("sent", index + 1);
  }
  for (let round = 1; options.types && round < 6; round += 1) {
    client.publishNodeData({ timestamp: Date.now(), metrics: typed(rows[rows.length - 1].ts + round, round) });
  }
  say("sent", rows.length);
  await wait("the broker has everything", () => acked >= sent);
  say("acked", acked);
}

function gracefully() {
  // mqtt.js ends only after what is under way is done.
  client.stop();
  client.client.once("end", () => {
    say("end graceful");
    process.exit(0);
  });
}

async function end() {
  if (options.end === "killed") {
    fs.writeSync(1, "end killed\n");
    process.kill(process.pid, "SIGKILL");
  } else if (options.end === "stays") {
    process.once("SIGTERM", gracefully);
    say("stays");
  } else {
    gracefully();
  }
}

client.on("error", (error) => fail(`${error}`));
client.on("ncmd", () => {
  say("rebirth");
  if (options.answers) births(rows[rows.length - 1]);
});
// On every connect: the library connects again by itself, and a new connection needs new births.
let started = false;
client.on("birth", async () => {
  births(rows[0]);
  if (started) return;
  started = true;
  await wait("the births are out", () => acked >= 2);
  say("born");
  await publishAll();
  await end();
});

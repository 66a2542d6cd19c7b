/** How long a server takes to listen on an inventory that is there already: from its process to its first line that says so. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Secret } from '@certctl/core'
import pg from 'pg'
import { connectionOf } from '../apps/server/src/store/database.js'
import type { Bar, Side } from './harness.js'
import { type Inventory, openInventory } from './load-inventory.js'

const program = fileURLToPath(new URL('../apps/server/dist/main.js', import.meta.url))
const state = mkdtempSync(join(tmpdir(), 'certctl-bench-start-'))
const copies: { inventory: Inventory; name: string }[] = []

export async function bars(): Promise<readonly Bar[]> {
  if (!existsSync(program)) throw new Error(`${program} is not there: run pnpm build first`)
  return [
    {
      name: 'server-start',
      title: 'from a process to a server that listens, on an inventory that is there',
      ours: await sideOf(Number(process.env.CERTCTL_BENCH_COUNT ?? 1_000_000)),
      theirs: await sideOf(1000),
      floor: 1 / 1.5,
      by: 'p50',
      timedRuns: 3,
    },
  ]
}

export async function close(): Promise<void> {
  for (const { inventory, name } of copies) await asked(inventory, `drop database if exists ${name} with (force)`)
  await copies[0]?.inventory.close()
  copies.length = 0
  rmSync(state, { recursive: true, force: true })
}

/** On a copy: a server writes what it needs itself, and begins to renew what is due by today's date. */
async function sideOf(count: number): Promise<Side> {
  const inventory = await openInventory({ count })
  const name = `start_${count}_${process.pid}`
  const kept = new URL(urlOf(inventory)).pathname.slice(1)
  await asked(inventory, `create database ${name} template "${kept}"`)
  copies.push({ inventory, name })
  const url = new URL(urlOf(inventory))
  url.pathname = `/${name}`
  return { name: `${count.toLocaleString('en')} certificates`, run: async () => await start(url.href) }
}

async function start(url: string): Promise<void> {
  const child = spawn(process.execPath, [program], {
    env: {
      PATH: process.env.PATH,
      CERTCTL_DATABASE_URL: url,
      CERTCTL_CONFIG_ENCRYPTION_KEY: 'for this bench only, and of more than enough octets',
      CERTCTL_SERVER_PORT: '0',
      CERTCTL_STATE_DIR: state,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  await untilItListens(child)
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
}

async function untilItListens(child: ChildProcess): Promise<void> {
  const said: string[] = []
  child.stderr?.on('data', (text) => said.push(String(text)))
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      said.push(line)
      if (line.includes('"listening"')) resolve()
    })
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${said.join('\n')}`)))
  })
}

function urlOf({ address }: Inventory): string {
  if (!('url' in address)) throw new Error('the inventory has no address as a URL')
  return address.url.reveal()
}

async function asked(inventory: Inventory, statement: string): Promise<void> {
  const url = new URL(urlOf(inventory))
  url.pathname = '/postgres'
  const client = new pg.Client(connectionOf({ url: new Secret(url.href) }))
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

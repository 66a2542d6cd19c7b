import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createRegistry, discoverConnectors, type IssuerConnector, type OrderOutcome } from '@certctl/core'
import { parseCertificate } from '@certctl/pki'
import { createIssuanceRequest } from '@certctl/testing'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { bindPrograms, type NamedProcess, startNamed } from '../../../../packages/dns-rfc2136/test/named-process.js'
import { type Pebble, pebblePrograms, startPebble } from '../../../../packages/issuer-acme/test/pebble/processes.js'
import { createConnection } from '../../src/inventory/create-connection.js'
import { operator } from '../lifecycle/scene.js'
import { createTestServices, type TestServices } from '../postgres.js'
import { openRelay, type Relay } from './relay.js'

// Authoritative servers are asked on port 53 and nowhere else: an address of our own on the loopback network, where we may listen there.
const publicAddress = `127.53.${(process.pid >> 8) & 0xff}.${process.pid & 0xff || 1}`
const missing = [
  ...(bindPrograms === undefined ? ['BIND (named, dig, nsupdate)'] : []),
  ...(pebblePrograms === undefined ? ['Pebble'] : []),
  ...((await mayListen()) ? [] : [`the right to listen on port 53 of ${publicAddress}`]),
].join(', ')

if (bindPrograms !== undefined && pebblePrograms !== undefined && missing === '') runLive(bindPrograms, pebblePrograms)
else if (process.env.CERTCTL_TEST_REAL === 'required')
  it('all of it is here, since CERTCTL_TEST_REAL=required', () => expect(missing).toBe(''))
else it.skip(`skipped: there is no ${missing}`, () => undefined)

/** The server's own ACME issuer and DNS provider, a Pebble that asks BIND, and BIND's zones: nothing is in memory. */
function runLive(bind: NonNullable<typeof bindPrograms>, programs: NonNullable<typeof pebblePrograms>): void {
  let named: NamedProcess
  let relay: Relay | undefined
  let pebble: Pebble
  let services: TestServices

  beforeAll(async () => {
    named = await startNamed(bind, { publicAddress })
    relay = await openRelay(publicAddress, named)
    pebble = await startPebble(programs, {
      config: { caaIdentities: ['pebble.letsencrypt.org'] },
      dnsServer: `127.0.0.1:${named.port}`,
    })
    services = await createTestServices({
      registry: await registryOf('@certctl/issuer-acme', '@certctl/dns-rfc2136'),
      clock: { now: () => new Date(), advance: () => undefined },
    })
    const provider = { type: 'RFC2136', config: named.config, name: 'BIND', enabled: true, actor: operator }
    await createConnection(services, 'dns', { ...provider, id: 'dns-bind' })
    for (const challenge_type of ['dns-01', 'dns-persist-01']) {
      const config = {
        directory_url: pebble.directoryUrl,
        ca_bundle_path: pebble.caPath,
        challenge_type,
        dns_provider: 'dns-bind',
        dns_resolvers: [`127.0.0.1:${named.port}`],
      }
      const issuer = { type: 'ACME', config, name: challenge_type, enabled: true, actor: operator }
      await createConnection(services, 'issuer', { ...issuer, id: `iss-${challenge_type}` })
    }
  })
  afterAll(async () => {
    await services?.close()
    await pebble?.close()
    await relay?.close()
    await named?.stop()
  })

  /** The names of the certificate, and what BIND wrote down meanwhile. */
  const issue = async (challengeType: string, names: readonly string[]): Promise<Issued> => {
    const { connector } = await services.connections.issuer(`iss-${challengeType}`)
    const before = (await changes()).length
    const outcome = await settle(connector, names)
    if (outcome.status !== 'valid') throw new Error(JSON.stringify(outcome))
    // BIND said it before it answered; by now that has come, but may not have been read.
    for (const _turn of [1, 2]) await turn()
    const found = parseCertificate(outcome.certificatePem).names.map(({ value }) => value)
    return { names: found.sort(), changes: (await changes()).slice(before) }
  }
  /** What keys of ours changed, in BIND's own words: `zone add name`. */
  const changes = async (): Promise<string[]> => {
    const lines = (await named.log()).matchAll(
      /key certctl-\S+: updating zone '([^/]+)\/IN': (add|delet)ing an RR at '?([^' ]+)'? TXT/g,
    )
    return [...lines].map(([, zone, verb, name]) => `${zone} ${verb} ${name}`)
  }
  /** How often the zone's own server was asked for this record. */
  const asked = (name: string): number => relay?.asked.filter((question) => question === `${name} TXT`).length ?? 0

  describe('dns-01 on a real BIND', () => {
    it('proves a name and its wildcard by two values under one name, beside a value of somebody else that stays', async () => {
      const name = '_acme-challenge.both.example.test'
      await named.asOwner([`update add ${name}. 300 TXT "of somebody else"`])
      const before = await named.records()
      const { names, changes } = await issue('dns-01', ['both.example.test', '*.both.example.test'])
      expect(names).toEqual(['*.both.example.test', 'both.example.test'])
      const steps = ['add', 'add', 'delet', 'delet']
      expect(changes).toEqual(steps.map((verb) => `example.test ${verb} ${name}`))
      expect(await named.records()).toEqual(before)
      expect(asked(name)).toBeGreaterThanOrEqual(2)
    })

    it('writes into the other zone where the name is an alias, and asks the server of that zone', async () => {
      const [alias, place] = ['_acme-challenge.led.example.test', 'led.child.example.test']
      await named.asOwner([`update add ${alias}. 60 CNAME ${place}.`])
      const before = await named.records()
      const { names, changes } = await issue('dns-01', ['led.example.test'])
      expect(names).toEqual(['led.example.test'])
      expect(changes).toEqual([`child.example.test add ${place}`, `child.example.test delet ${place}`])
      expect(await named.records()).toEqual(before)
      expect(asked(place)).toBeGreaterThanOrEqual(1)
    })
  })

  describe('dns-persist-01 on a real BIND', () => {
    it('writes its record once, for the wildcard as well, and lets it stand beside the others', async () => {
      const name = '_validation-persist.stands.example.test'
      await named.asOwner([`update add ${name}. 300 TXT "another.example; accounturi=https://x.example/1"`])
      const before = await named.records()
      const first = await issue('dns-persist-01', ['*.stands.example.test'])
      expect(first.changes).toEqual([`example.test add ${name}`])
      const added = (await named.records()).filter((line) => !before.includes(line))
      expect(added).toEqual([
        expect.stringMatching(
          new RegExp(
            `^${name}\\. 300 IN TXT "pebble\\.letsencrypt\\.org; accounturi=https://127\\.0\\.0\\.1:\\S+; policy=wildcard"$`,
          ),
        ),
      ])
      expect((await named.records()).length).toBe(before.length + 1)
      const second = await issue('dns-persist-01', ['*.stands.example.test', 'stands.example.test'])
      expect(second.changes).toEqual([])
      expect(asked(name)).toBeGreaterThanOrEqual(1)
    })
  })
}

interface Issued {
  names: readonly string[]
  changes: readonly string[]
}

async function mayListen(): Promise<boolean> {
  const relay = await openRelay(publicAddress, { port: 53 })
  await relay?.close()
  return relay !== undefined
}

const mostLooks = 500

async function settle(connector: IssuerConnector, names: readonly string[]): Promise<OrderOutcome> {
  const asked = names.map((value) => ({ type: 'dns', value }) as const)
  const { signal, ...request } = await createIssuanceRequest({ names: asked, commonName: undefined })
  let outcome = await connector.issue({ ...request, signal })
  for (let turn = 0; outcome.status === 'pending' && turn < mostLooks; turn += 1) {
    const { orderId, progress } = outcome
    outcome = (await connector.poll?.({ orderId, progress, request, signal })) ?? outcome
    await pause(100)
  }
  return outcome
}

async function registryOf(...packages: string[]) {
  const registry = createRegistry()
  const manifest = fileURLToPath(new URL('../../package.json', import.meta.url))
  const problems = await discoverConnectors(registry, { manifest, kinds: ['issuer', 'dns'], allow: packages })
  if (problems.length > 0) throw new Error(JSON.stringify(problems))
  return registry
}

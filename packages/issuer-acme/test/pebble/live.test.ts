import { parseCertificate } from '@certctl/pki'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { dns, requestFor, settle, start, valid } from '../orders.js'
import { createPebbleHost } from './host.js'
import { type Pebble, pebblePrograms, startPebble } from './processes.js'

const required = process.env.CERTCTL_TEST_REAL === 'required'
const eab = { kid: 'kid-1', hmac: 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W' }

if (pebblePrograms === undefined && !required) it.skip('skipped: Pebble is not installed', () => undefined)
else if (pebblePrograms === undefined)
  it('Pebble is installed, since CERTCTL_TEST_REAL=required', () => expect(pebblePrograms).toBeDefined())
else runLive(pebblePrograms)

function runLive(programs: NonNullable<typeof pebblePrograms>): void {
  let pebble: Pebble
  beforeAll(async () => {
    pebble = await startPebble(programs, {
      config: {
        externalAccountBindingRequired: true,
        externalAccountMACKeys: { [eab.kid]: eab.hmac },
        caaIdentities: ['pebble.letsencrypt.org'],
        profiles: {
          default: { description: 'usual', validityPeriod: 7_776_000 },
          shortlived: { description: 'short', validityPeriod: 518_400 },
        },
      },
      environment: { PEBBLE_ALTERNATE_ROOTS: '2', PEBBLE_CHAIN_LENGTH: '2' },
    })
  })
  afterAll(() => pebble?.close())

  const config = (over: object = {}) => ({
    directory_url: pebble.directoryUrl,
    ca_bundle_path: pebble.caPath,
    dns_resolvers: [pebble.dnsAddress],
    eab_kid: eab.kid,
    eab_hmac: eab.hmac,
    ...over,
  })

  describe('issuing', () => {
    it('by http-01, with a certificate for exactly the names and key of the CSR', async () => {
      const host = createPebbleHost(pebble)
      const request = await requestFor([dns('a.example.test'), dns('b.example.test')])
      const outcome = valid(await settle(host, () => start(host, config()), request))
      const certificate = parseCertificate(outcome.certificatePem)
      expect(certificate.names.map(({ value }) => value).sort()).toEqual(['a.example.test', 'b.example.test'])
      expect(host.told.challenges).toEqual([])
    })
  })
}

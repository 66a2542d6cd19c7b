import type { CertctlError, GeneralName, IssuanceRequest } from '@certctl/core'
import { parseCertificate } from '@certctl/pki'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { requestFor, settle, start, valid } from '../orders.js'
import { createPebbleHost } from './host.js'
import { type Pebble, pebblePrograms, startPebble } from './processes.js'

export const eab = { kid: 'kid-1', hmac: 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W' }

export interface LivePebble {
  pebble(): Pebble
  /** Settings that reach it, the account's credentials included. */
  config(over?: object): Readonly<Record<string, unknown>>
  /** A certificate on a host of its own. */
  issue(
    over: object,
    names: readonly GeneralName[],
    request?: Partial<IssuanceRequest>,
  ): Promise<{
    host: ReturnType<typeof createPebbleHost>
    outcome: ReturnType<typeof valid>
    certificate: ReturnType<typeof parseCertificate>
  }>
}

export interface WithPebbleOptions {
  environment?: Readonly<Record<string, string>> | undefined
  /** Accounts may revoke what they have proven, too. */
  revokesByProof?: boolean | undefined
}

/** Runs a suite on one Pebble with nonce rejection, EAB, profiles and alternate chains; skips it by name where there is none. */
export function withPebble(
  suite: (live: LivePebble) => void,
  { environment = {}, revokesByProof = false }: WithPebbleOptions = {},
): void {
  const programs = pebblePrograms
  if (programs !== undefined) {
    const pebble = revokesByProof ? programs.byProof : programs.pebble
    suite(launched({ ...programs, pebble }, environment))
  } else if (process.env.CERTCTL_TEST_REAL !== 'required') it.skip('skipped: Pebble is not installed', () => undefined)
  else it('Pebble is installed, since CERTCTL_TEST_REAL=required', () => expect(programs).toBeDefined())
}

function launched(
  programs: NonNullable<typeof pebblePrograms>,
  environment: Readonly<Record<string, string>>,
): LivePebble {
  let started: Pebble | undefined
  beforeAll(async () => {
    started = await startPebble(programs, {
      config: {
        externalAccountBindingRequired: true,
        externalAccountMACKeys: { [eab.kid]: eab.hmac },
        caaIdentities: ['pebble.letsencrypt.org'],
        profiles: {
          default: { description: 'usual', validityPeriod: 7_776_000 },
          shortlived: { description: 'short', validityPeriod: 518_400 },
        },
      },
      environment: { PEBBLE_ALTERNATE_ROOTS: '2', PEBBLE_CHAIN_LENGTH: '2', ...environment },
    })
  })
  afterAll(() => started?.close())
  const pebble = () => started ?? raise()
  const config: LivePebble['config'] = (over = {}) => ({
    directory_url: pebble().directoryUrl,
    ca_bundle_path: pebble().caPath,
    dns_resolvers: [pebble().dnsAddress],
    eab_kid: eab.kid,
    eab_hmac: eab.hmac,
    ...over,
  })
  return {
    pebble,
    config,
    async issue(over, names, request = {}) {
      const host = createPebbleHost(pebble())
      const outcome = valid(await settle(host, () => start(host, config(over)), await requestFor(names, request)))
      return { host, outcome, certificate: parseCertificate(outcome.certificatePem) }
    },
  }
}

/** How a call failed; the test fails where it did not. */
export async function failure(work: Promise<unknown>): Promise<Pick<CertctlError, 'code' | 'message'>> {
  return await work.then(
    () => raise(),
    (error: CertctlError) => error,
  )
}

export function raise(): never {
  throw new Error('it is not there')
}

import { isCertctlError } from '@certctl/core'
import { timeLimit } from '@certctl/kit'
import { openConnection } from '../connectors/connections.js'
import { defaultIssuer } from '../inventory/default-issuer.js'
import { getConnection } from '../inventory/list-connections.js'
import type { Services } from '../services.js'
import { createDnsLooks } from './dns/create-dns-looks.js'
import type { Finding } from './finding.js'
import { createWebLooks } from './http/create-web-looks.js'
import { type AcmeSettings, readAcmeSettings } from './issuer/acme-settings.js'
import { createIssuerLooks } from './issuer/create-issuer-looks.js'
import type { IssuerLooks, Looks } from './looks.js'
import { runChecks } from './run-checks.js'
import { type AskedName, type Method, type Proof, parseAskedName, type Subject } from './subject.js'
import { type Surroundings, usualSurroundings } from './surroundings.js'

export interface Examination {
  name: string
  issuerId?: string | undefined
  method?: Method | undefined
  signal: AbortSignal
}

export interface Examined {
  issuerId: string | undefined
  method: Proof
  findings: Finding[]
}

const limitMs = 18_000

/** Why a certificate for this name can, or cannot, be had. Looks only: nothing is changed, here or elsewhere. */
export async function examineName(
  services: Services,
  { name, issuerId, method, signal }: Examination,
  surroundings: Surroundings = usualSurroundings(services),
): Promise<Examined> {
  const over = timeLimit(limitMs / 1000, signal)
  const issuer = issuerId ?? (await onlyIssuer(services))
  const settings = await settingsOf(services, issuer)
  const asked = parseAskedName(name)
  const subject: Subject = { asked, method: method ?? usualMethod(asked, settings, issuer), issuerId: issuer }
  const issuerLooks = createIssuerLooks(services, { issuerId: issuer, settings, asked, signal: over })
  const findings = await runChecks(
    looksOf(services, { surroundings, settings, issuerLooks, asked, over }),
    subject,
    over,
  )
  signal.throwIfAborted()
  return { issuerId: issuer, method: subject.method, findings }
}

/** The one that a certificate without an issuer would get, where that is no choice. */
async function onlyIssuer(services: Services): Promise<string | undefined> {
  try {
    return await defaultIssuer(services)
  } catch (error) {
    if (isCertctlError(error) && error.code === 'request_malformed') return undefined
    throw error
  }
}

async function settingsOf(services: Services, issuerId: string | undefined): Promise<AcmeSettings> {
  if (issuerId === undefined) return readAcmeSettings({})
  return readAcmeSettings(openConnection(services, await getConnection(services, 'issuer', issuerId)))
}

/** As issuers choose: wildcards by DNS where they can write there. One that is no ACME issuer solves no challenges. */
function usualMethod(
  asked: AskedName,
  { challengeType, directoryUrl, writesDns }: AcmeSettings,
  issuerId: string | undefined,
): Proof {
  if (issuerId !== undefined && challengeType === undefined && directoryUrl === undefined) return 'none'
  const isWildcard = asked.kind === 'dns' && asked.isWildcard
  if (isWildcard && challengeType?.startsWith('dns-') !== true && (writesDns || challengeType === undefined))
    return 'dns-01'
  return challengeType ?? 'http-01'
}

interface Seen {
  surroundings: Surroundings
  settings: AcmeSettings
  issuerLooks: IssuerLooks
  asked: AskedName
  over: AbortSignal
}

function looksOf(services: Services, { surroundings, settings, issuerLooks, asked, over }: Seen): Looks {
  const { dns, web } = surroundings
  const host = asked.kind === 'malformed' ? '' : asked.name
  return {
    now: () => services.clock.now(),
    ...createDnsLooks({ ...dns, resolvers: settings.resolvers ?? dns.resolvers }, over),
    ...createWebLooks(web, { host, signal: over }),
    ...issuerLooks,
  }
}

import { CertctlError, type IssuerHost, parseDuration, z } from '@certctl/core'
import type { Client } from './client.js'
import type { Config } from './config.js'
import { readAnswer } from './failure.js'
import { digestOf, type ProvisionerKey, readProvisionerKey } from './provisioner-key.js'

/** The provisioner as the CA knows it, with our private key to it. */
export interface Provisioner {
  name: string
  key: ProvisionerKey
  /** Seconds; absent where the provisioner says nothing and the CA's own setting holds, which nobody can ask for. */
  defaultSeconds?: number | undefined
  maxSeconds?: number | undefined
}

export interface ProvisionerSource {
  /** Throws `config_invalid` where the CA has no such provisioner, or has it with another key. */
  get(signal: AbortSignal): Promise<Provisioner>
  /** Looks at the CA again next time. */
  forget(): void
}

const entrySchema = z.looseObject({
  type: z.string(),
  name: z.string(),
  key: z.looseObject({ kid: z.string().optional() }).optional(),
  encryptedKey: z.string().optional(),
  claims: z
    .looseObject({ maxTLSCertDuration: z.string().optional(), defaultTLSCertDuration: z.string().optional() })
    .nullish(),
})
type Entry = z.output<typeof entrySchema>
const pageSchema = z.object({ provisioners: z.array(entrySchema).nullable(), nextCursor: z.string().prefault('') })

const what = 'step-ca, reading its provisioners'
/** Provisioners change by hand, tokens are made for each order. */
const freshMs = 300_000
const largestKeyFile = 65_536
const mostPages = 200

/** Reads the provisioner and its key when they are needed, and keeps them for some minutes. */
export function createProvisionerSource(config: Config, host: IssuerHost, client: Client): ProvisionerSource {
  let kept: { entry: Entry; at: number } | undefined
  let opened: { digest: string; key: ProvisionerKey } | undefined

  const openKey = async (entry: Entry): Promise<ProvisionerKey> => {
    const { provisioner_key_path: path, provisioner_password: password, provisioner_kid: kid } = config
    const text = path === undefined ? entry.encryptedKey : await readKeyFile(host, path)
    if (text === undefined)
      throw new CertctlError(
        'config_invalid',
        `The provisioner ${entry.name} hands out no key; give provisioner_key_path`,
      )
    const digest = digestOf(text)
    // Opening takes a tenth of a second of hashing, on purpose.
    if (opened?.digest !== digest) {
      const source = path ?? `as ${new URL(config.ca_url).host} hands it out`
      opened = { digest, key: await readProvisionerKey(text, { password, kid, source }) }
    }
    return opened.key
  }

  return {
    async get(signal) {
      const now = host.now().getTime()
      const entry =
        kept !== undefined && now - kept.at < freshMs ? kept.entry : await findProvisioner(client, config, signal)
      kept = { entry, at: kept?.entry === entry ? kept.at : now }
      const key = await openKey(entry)
      requireSameKey(entry, key)
      return provisionerOf(entry, key)
    },
    forget() {
      kept = undefined
    },
  }
}

async function readKeyFile(host: IssuerHost, path: string): Promise<string> {
  return Buffer.from(await host.files.read(path, { maxBytes: largestKeyFile })).toString('utf8')
}

async function findProvisioner(client: Client, config: Config, signal: AbortSignal): Promise<Entry> {
  const seen: Entry[] = []
  let cursor = ''
  for (let page = 1; page <= mostPages; page += 1) {
    const query = { limit: 100, cursor: cursor === '' ? undefined : cursor }
    const response = await client({ method: 'GET', path: '/1.0/provisioners', query, signal })
    const { provisioners, nextCursor } = readAnswer(response, pageSchema, what)
    seen.push(...(provisioners ?? []))
    const found = seen.find(
      (entry) => entry.type === 'JWK' && entry.name === config.provisioner_name && isWanted(entry, config),
    )
    if (found !== undefined) return found
    if (nextCursor === '' || nextCursor === cursor) break
    cursor = nextCursor
  }
  throw noSuchProvisioner(config, seen)
}

function isWanted({ key }: Entry, { provisioner_kid: kid }: Config): boolean {
  return kid === undefined || key?.kid === kid
}

function noSuchProvisioner(
  { provisioner_name: name, provisioner_kid: kid }: Config,
  seen: readonly Entry[],
): CertctlError {
  const other = seen.find((entry) => entry.name === name)
  const names = seen.filter(({ type }) => type === 'JWK').map((entry) => entry.name)
  const list = names.length === 0 ? 'none' : names.slice(0, 10).join(', ')
  const why =
    other === undefined
      ? `has no JWK provisioner "${name}"; there are: ${list}`
      : other.type === 'JWK'
        ? `has the provisioner "${name}", but not with key id ${kid}`
        : `has "${name}" as a provisioner of type ${other.type}; one of type JWK is needed, there are: ${list}`
  return new CertctlError('config_invalid', `step-ca ${why}`)
}

function requireSameKey({ name, key }: Entry, { kid }: ProvisionerKey): void {
  if (key?.kid === undefined || key.kid === kid) return
  throw new CertctlError(
    'config_invalid',
    `Our key has the id ${kid}, the provisioner "${name}" has ${key.kid}; the key file is another provisioner's, or was replaced at the CA`,
  )
}

function provisionerOf({ name, claims }: Entry, key: ProvisionerKey): Provisioner {
  return {
    name,
    key,
    defaultSeconds: secondsOf(claims?.defaultTLSCertDuration),
    maxSeconds: secondsOf(claims?.maxTLSCertDuration),
  }
}

function secondsOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDuration(text)
}

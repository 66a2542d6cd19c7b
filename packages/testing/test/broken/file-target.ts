import {
  CertctlError,
  type DeploymentReceipt,
  type DeploymentRequest,
  defineTarget,
  type Fingerprint,
  filePath,
  messageOf,
  type TargetDefinition,
  type TargetHost,
  type VerificationReport,
  z,
} from '@certctl/core'
import { fingerprintOf } from '@certctl/pki'

export const configSchema = z.strictObject({
  cert_path: filePath().describe('File for the certificate and its chain.'),
  key_path: filePath().describe('File for the private key.'),
})
export type Config = z.output<typeof configSchema>

export interface OneFile {
  path: string
  content: string
  mode: number
  secret: boolean
}
/** A file that is to change, and what it held before. */
export interface Change {
  file: OneFile
  old: { content: Uint8Array; mode: number } | undefined
}
export interface Work {
  host: TargetHost
  config: Config
  request: DeploymentRequest
}

/** What a correct file target is made of; each broken one is this with one part exchanged. */
export interface Parts {
  type: string
  schema: z.ZodType<Config>
  capabilities: TargetDefinition<Config>['capabilities']
  created(host: TargetHost, config: Config): void
  begin(work: Work): void
  filesOf(work: Work): readonly OneFile[]
  requireReplaceable(file: OneFile, old: Uint8Array): void
  isEqual(change: Change): boolean
  write(work: Work, file: OneFile): Promise<void>
  takeIntoUse(work: Work, changes: readonly Change[]): Promise<DeploymentReceipt['served']>
  undo(work: Work, changes: readonly Change[]): Promise<void>
  failure(cause: unknown, work: Work): unknown
  receipt(receipt: DeploymentReceipt, work: Work): DeploymentReceipt
  verify(found: Fingerprint | undefined, wanted: Fingerprint): Omit<VerificationReport, 'location'>
}

export const sound: Parts = {
  type: 'Example',
  schema: configSchema,
  capabilities: { platforms: ['linux'], verifies: 'file', undo: 'full', holds: 'one' },
  created: () => undefined,
  begin({ request }) {
    if (request.signal.aborted) throw new CertctlError('aborted', 'Interrupted before it began')
  },
  filesOf: ({ config, request }) => [
    { path: config.key_path, content: request.privateKeyPem.reveal(), mode: 0o600, secret: true },
    { path: config.cert_path, content: request.certificatePem + request.chainPem, mode: 0o644, secret: false },
  ],
  requireReplaceable({ path }, old) {
    if (!Buffer.from(old).toString('latin1').startsWith('-----BEGIN '))
      throw new CertctlError('deploy_failed', `${path} holds something other than certificate material`)
  },
  isEqual: ({ file, old }) => old !== undefined && Buffer.from(file.content).equals(old.content),
  write: ({ host }, { path, content, mode, secret }) => host.files.replace(path, content, { mode, secret }),
  async takeIntoUse({ host, request: { signal, fingerprint } }) {
    await runOrThrow(host, ['product', 'check'], signal)
    await reload(host, signal)
    return await host.confirmServed({ fingerprint, signal })
  },
  async undo({ host }, changes) {
    await putBack(host, changes)
    await reload(host, AbortSignal.timeout(60_000))
  },
  failure: (cause) => new CertctlError('deploy_failed', `${messageOf(cause)}; the old files are back`, { cause }),
  receipt: (receipt) => receipt,
  verify: (found, wanted) =>
    found === undefined ? { matches: false } : { matches: found === wanted, foundFingerprint: found },
}

export function fileTarget(parts: Partial<Parts> = {}): TargetDefinition<Config> {
  const p = { ...sound, ...parts }
  return defineTarget({
    type: p.type,
    displayName: 'Example',
    configSchema: p.schema,
    capabilities: p.capabilities,
    proposedCommands: [['product', 'check']],
    create(config, host) {
      p.created(host, config)
      return {
        deploy: (request) => deploy(p, { host, config, request }),
        async verify({ fingerprint }) {
          const old = await readOld(host, config.cert_path)
          const found = old === undefined ? undefined : fingerprintOf(firstPem(old.content))
          return { location: config.cert_path, ...p.verify(found, fingerprint) }
        },
      }
    },
  })
}

async function deploy(p: Parts, work: Work): Promise<DeploymentReceipt> {
  p.begin(work)
  const changes: Change[] = []
  for (const file of p.filesOf(work)) {
    const old = await readOld(work.host, file.path)
    if (old !== undefined) p.requireReplaceable(file, old.content)
    if (!p.isEqual({ file, old })) changes.push({ file, old })
  }
  try {
    for (const { file } of changes) await p.write(work, file)
    const served = await p.takeIntoUse(work, changes)
    const { cert_path: location } = work.config
    return p.receipt({ changed: changes.length > 0, served, location, effective: 'now' }, work)
  } catch (cause) {
    await p.undo(work, changes)
    throw p.failure(cause, work)
  }
}

export async function putBack(host: TargetHost, changes: readonly Change[]): Promise<void> {
  for (const { file, old } of changes)
    if (old === undefined) await host.files.remove(file.path)
    else await host.files.replace(file.path, old.content, { mode: old.mode, secret: file.secret })
}

/** Deployments at once share a reload that has not begun. */
export function reload(host: TargetHost, signal: AbortSignal): Promise<void> {
  return host.shared('product reload', () => runOrThrow(host, ['product', 'reload'], signal))
}

export async function runOrThrow(host: TargetHost, argv: readonly string[], signal: AbortSignal): Promise<void> {
  const { exitCode, stderr } = await host.run(argv, { signal })
  if (exitCode !== 0) throw new CertctlError('deploy_failed', `${argv.join(' ')} ended with ${exitCode}: ${stderr}`)
}

async function readOld(host: TargetHost, path: string): Promise<Change['old']> {
  const stat = await host.files.stat(path)
  return stat === undefined ? undefined : { content: await host.files.read(path), mode: stat.mode }
}

function firstPem(content: Uint8Array): string {
  const end = '-----END CERTIFICATE-----'
  const text = Buffer.from(content).toString('latin1')
  return text.slice(0, text.indexOf(end) + end.length)
}

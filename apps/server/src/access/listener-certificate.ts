import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { CertctlError, messageOf } from '@certctl/core'
import { keyMatches, parseCertificate, splitCertificates } from '@certctl/pki'
import type { Services } from '../services.js'
import { listenerNames } from './listener-names.js'
import type { KeyPair, ServerAuthority } from './server-authority.js'

/** What the listener shows, and when that changes. */
export interface ListenerCertificate {
  current(): KeyPair
  /** Looks at once: for SIGHUP. What cannot be used is said in the log, and the old one stays. */
  reload(): Promise<void>
  onChange(listener: (pair: KeyPair) => void): void
  close(): void
}

type Needs = Pick<Services, 'clock' | 'log' | 'config'>

const lifetimeMs = 90 * 86_400_000
const backdatedMs = 86_400_000
const lookEveryMs = 5000

/** The operator's own files where the settings name them, else one that the server's CA issues and that is replaced when two thirds of its life are over. */
export async function createListenerCertificate(
  services: Needs,
  authority: ServerAuthority,
): Promise<ListenerCertificate> {
  const { server_tls_cert_path: certificate, server_tls_key_path: key } = services.config
  const next =
    certificate === undefined || key === undefined
      ? issuedPair(services, authority)
      : async () => await readPair(certificate, key)
  return await followPair(services, next)
}

/** Returns the pair to use now; the same object where nothing is to be changed. */
type NextPair = (current: KeyPair | undefined) => Promise<KeyPair>

async function followPair({ log }: Needs, next: NextPair): Promise<ListenerCertificate> {
  const listeners = new Set<(pair: KeyPair) => void>()
  let current = await next(undefined)
  let looking: Promise<void> | undefined
  let following: Promise<void> | undefined

  async function look(): Promise<void> {
    try {
      const pair = await next(current)
      if (pair.certificatePem === current.certificatePem && pair.privateKeyPem === current.privateKeyPem) return
      current = pair
      for (const listener of listeners) listener(pair)
      log.info({ certificate: summaryOf(pair) }, 'the listener shows a new certificate')
    } catch (error) {
      log.warn({ reason: messageOf(error) }, 'the new listener certificate cannot be used; the old one stays')
    }
  }
  const reload = (): Promise<void> => {
    if (looking === undefined) {
      looking = look().finally(() => {
        looking = undefined
      })
      return looking
    }
    // The one under way may have read the files before they changed.
    following ??= looking.then(() => {
      following = undefined
      return reload()
    })
    return following
  }
  const timer = setInterval(() => void reload(), lookEveryMs).unref()

  return {
    current: () => current,
    reload,
    onChange: (listener) => void listeners.add(listener),
    close: () => clearInterval(timer),
  }
}

function issuedPair({ clock, config }: Needs, authority: ServerAuthority): NextPair {
  let renewAtMs = 0
  return async (current) => {
    const nowMs = clock.now().getTime()
    if (current !== undefined && nowMs < renewAtMs) return current
    const names = listenerNames(config)
    const pair = await authority.issue({
      commonName: new URL(config.public_url).hostname,
      names,
      notBefore: new Date(nowMs - backdatedMs),
      notAfter: new Date(nowMs + lifetimeMs),
    })
    renewAtMs = nowMs + (2 * lifetimeMs) / 3
    return pair
  }
}

async function readPair(certificatePath: string, keyPath: string): Promise<KeyPair> {
  const [certificatePem, privateKeyPem] = await Promise.all([readText(certificatePath), readText(keyPath)])
  try {
    const [leaf = ''] = splitCertificates(certificatePem)
    if (!keyMatches(leaf, privateKeyPem))
      throw new CertctlError('config_invalid', 'the key is not that of the certificate')
    createSecureContext({ cert: certificatePem, key: privateKeyPem })
  } catch (cause) {
    throw new CertctlError(
      'config_invalid',
      `CERTCTL_SERVER_TLS_CERT_PATH ${certificatePath} and CERTCTL_SERVER_TLS_KEY_PATH ${keyPath} do not serve: ${messageOf(cause)}`,
      { cause },
    )
  }
  return { certificatePem, privateKeyPem }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new CertctlError('config_invalid', `${path} cannot be read: ${messageOf(cause)}`, { cause })
  }
}

function summaryOf({ certificatePem }: KeyPair): object {
  const [leaf = ''] = splitCertificates(certificatePem)
  const { serialNumber, notAfter, fingerprint } = parseCertificate(leaf)
  return { serialNumber, notAfter, fingerprint }
}

import { createPrivateKey, X509Certificate } from 'node:crypto'
import { type AnswerRun, createTestHost, type TargetWorld } from '../../src/index.js'

export type Place = { cert_path: string; key_path: string }
export const here: Place = { cert_path: '/etc/product/site.pem', key_path: '/etc/product/site.key' }
export const there: Place = { cert_path: '/etc/product/other.pem', key_path: '/etc/product/other.key' }

const command = { check: ['product', 'check'], reload: ['product', 'reload'] } as const

/**
 * A server of two sites that serve from memory. `check` and `reload` refuse a pair that does not fit; a frail one ends at such a reload,
 * as Apache does. A reload takes its files at the beginning and switches a little later.
 */
export function fakeProduct({ frail = false } = {}): TargetWorld {
  const serving = new Map<Place, string>()
  let running = true

  const answer: AnswerRun = async (argv, files) => {
    if (!running) return { exitCode: 1, stderr: 'not running' }
    const loaded = [here, there].map((place) => [place, load(place, files)] as const)
    const fault = loaded.find(([, found]) => found === 'does not fit')
    if (argv.join() === command.check.join())
      return fault === undefined ? { exitCode: 0 } : { exitCode: 1, stderr: 'key values mismatch' }
    if (argv.join() !== command.reload.join()) return { exitCode: 64, stderr: `usage: product check|reload` }
    for (let tick = 0; tick < 5; tick += 1) await new Promise<void>((resume) => setImmediate(resume))
    if (fault !== undefined && frail) {
      running = false
      serving.clear()
      return { exitCode: 0 }
    }
    if (fault !== undefined) return { exitCode: 1, stderr: 'key values mismatch' }
    for (const [place, found] of loaded) serve(serving, place, found)
    return { exitCode: 0 }
  }
  const host = createTestHost(answer)
  return {
    host,
    serving: () => serving.get(here),
    second: { config: there, serving: () => serving.get(there) },
    restart() {
      running = true
      for (const place of [here, there]) serve(serving, place, load(place, host.files.texts()))
    },
  }
}

type Loaded = 'nothing' | 'does not fit' | { fingerprint: string }

function serve(serving: Map<Place, string>, place: Place, found: Loaded): void {
  if (typeof found === 'string') serving.delete(place)
  else serving.set(place, found.fingerprint)
}

function load({ cert_path, key_path }: Place, files: ReadonlyMap<string, string>): Loaded {
  const [certificatePem, privateKeyPem] = [files.get(cert_path), files.get(key_path)]
  if (certificatePem === undefined && privateKeyPem === undefined) return 'nothing'
  try {
    const certificate = new X509Certificate(certificatePem ?? '')
    if (!certificate.checkPrivateKey(createPrivateKey(privateKeyPem ?? ''))) return 'does not fit'
    return { fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase() }
  } catch {
    return 'does not fit'
  }
}

import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createTestHost, type TargetWorld } from '@certctl/testing'

/** The version of the product this model was compared with, and how. */
export const comparedWith: string | undefined = undefined

/** A model of the product: it serves from memory, reads its files on reload only, and refuses a key that does not fit. */
export function fakeExample(paths: { cert_path: string; key_path: string }): TargetWorld {
  let serving: string | undefined

  const load = (files: ReadonlyMap<string, string>): string | undefined => {
    const [certificatePem, privateKeyPem] = [files.get(paths.cert_path), files.get(paths.key_path)]
    if (certificatePem === undefined && privateKeyPem === undefined) return undefined
    const certificate = new X509Certificate(certificatePem ?? '')
    if (!certificate.checkPrivateKey(createPrivateKey(privateKeyPem ?? ''))) throw new Error('key values mismatch')
    return certificate.fingerprint256.replaceAll(':', '').toLowerCase()
  }

  const host = createTestHost(([program, verb], files) => {
    if (program !== 'example') return { exitCode: 127, stderr: `${program}: not found` }
    try {
      const loaded = load(files)
      if (verb === 'reload') serving = loaded
      return { exitCode: 0 }
    } catch (error) {
      return { exitCode: 1, stderr: String(error) }
    }
  })

  return {
    host,
    serving: () => serving,
    restart() {
      serving = load(host.files.texts())
    },
  }
}

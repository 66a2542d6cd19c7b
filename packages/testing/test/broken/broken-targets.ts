import { CertctlError, type DefinitionsByKind, defineTarget, messageOf, z } from '@certctl/core'
import type { TargetWorld } from '../../src/index.js'
import { cloudConfig, cloudTarget, fakeCloudStore } from './cloud-store.js'
import { fakeProduct, here } from './fake-product.js'
import { configSchema, fileTarget, type Parts, putBack, reload, runOrThrow, sound } from './file-target.js'

type AnyTarget = DefinitionsByKind['target']

export interface BrokenTarget {
  /** What is wrong with it. */
  name: string
  /** The law that catches it. */
  caughtBy: string
  definition: AnyTarget
  config: Readonly<Record<string, unknown>>
  createWorld(): TargetWorld
}

const law = {
  slug: 'its type or an alias is the slug of its folder, and every field says what it is for',
  strict: 'it accepts its own configuration and refuses a field it does not know',
  create: 'creating it touches nothing',
  serves: 'what it deploys is served after a handshake was asked for, and verify says so',
  verify: 'verify reports another certificate, or none, without failing',
  again: 'deploying again changes nothing and succeeds',
  pair: 'a key that does not fit is refused, and the old certificate stays',
  both: 'two deployments at once both end with their certificate served',
  stays: 'whichever step fails, the old certificate stays, or it says what it could not put back',
  first: 'a first deployment that fails leaves no file behind',
  dies: 'wherever the process dies, no file is missing and the next deploy finishes the job',
  abort: 'an abort ends the call and leaves the old or the new certificate',
  secret: 'private keys and secrets stay out of logs, receipts, errors and command lines at every step',
  mode: 'files that hold a key are for their owner only, or for whom key_mode names',
  offers: 'it offers what the contract knows and declares its commands as argument vectors',
  cleanUp: 'cleaning up leaves what is to be kept, and closing ends also a failed call',
  plan: 'planning and testing change nothing',
  foreign: 'a file that holds something other than certificates and keys is never replaced',
} as const

function broken(name: string, caughtBy: string, parts: Partial<Parts>): BrokenTarget {
  return brokenDefinition(name, caughtBy, fileTarget(parts))
}

function brokenDefinition(name: string, caughtBy: string, definition: AnyTarget): BrokenTarget {
  return { name, caughtBy, definition, config: here, createWorld: () => fakeProduct() }
}

/** A sound target whose connector is changed after the fact. */
function altered(
  change: (connector: ReturnType<AnyTarget['create']>, host: Parameters<AnyTarget['create']>[1]) => object,
) {
  const definition = fileTarget()
  return {
    ...definition,
    create: (config, host) => ({
      ...definition.create(config, host),
      ...change(definition.create(config, host), host),
    }),
  } as AnyTarget
}

let begunReload: Promise<void> | undefined

export const brokenTargets: readonly BrokenTarget[] = [
  broken('does not undo', law.stays, { undo: async () => undefined }),
  broken('leaves the files of a failed first deployment', law.first, {
    undo: async (work, changes) => {
      const known = changes.filter(({ old }) => old !== undefined)
      if (known.length > 0) await sound.undo(work, known)
    },
  }),
  broken('forgets the key when it undoes', law.stays, {
    undo: (work, changes) =>
      sound.undo(
        work,
        changes.filter(({ file }) => !file.secret),
      ),
  }),
  broken('puts the files back and does not reload again', law.stays, {
    undo: ({ host }, changes) => putBack(host, changes),
  }),
  broken('undoes under the signal that ended the call', law.abort, {
    undo: async ({ host, request }, changes) => {
      await putBack(host, changes)
      await reload(host, request.signal)
    },
  }),
  broken('puts the old key back with another mode', law.stays, {
    undo: (work, changes) =>
      sound.undo(
        work,
        changes.map(({ file, old }) => ({ file, old: old === undefined ? undefined : { ...old, mode: 0o640 } })),
      ),
  }),
  broken('writes the key readable by all', law.mode, {
    filesOf: (work) => sound.filesOf(work).map((file) => ({ ...file, mode: 0o644 })),
  }),
  broken('writes the key readable by all and corrects the mode afterwards', law.mode, {
    async write(work, file) {
      await sound.write(work, { ...file, mode: 0o644 })
      await sound.write(work, file)
    },
  }),
  broken('skips the reload when the files are equal', law.dies, {
    takeIntoUse: async (work, changes) => (changes.length === 0 ? 'served' : await sound.takeIntoUse(work, changes)),
  }),
  broken('ignores exit codes', law.stays, {
    async takeIntoUse({ host, request: { signal } }) {
      await host.run(['product', 'check'], { signal })
      await host.run(['product', 'reload'], { signal })
      return 'unverifiable'
    },
  }),
  broken('logs an error and swallows it', law.stays, {
    async takeIntoUse(work, changes) {
      try {
        return await sound.takeIntoUse(work, changes)
      } catch (error) {
        work.host.log.warn('deployment failed', { error: messageOf(error) })
        return 'later'
      }
    },
  }),
  broken('throws errors without a code', law.stays, { failure: (cause) => new Error(messageOf(cause)) }),
  broken('calls what it undid torn', law.stays, {
    failure: (cause) => new CertctlError('deploy_torn', messageOf(cause)),
  }),
  broken('logs the key', law.secret, {
    async write(work, file) {
      work.host.log.debug('writing', { file })
      await sound.write(work, file)
    },
  }),
  broken('puts the key into its errors', law.secret, {
    failure: (cause, { request }) =>
      new CertctlError('deploy_failed', messageOf(cause), { cause: new Error(request.privateKeyPem.reveal()) }),
  }),
  broken('puts the key into its receipt', law.secret, {
    receipt: (receipt, { request }) => ({ ...receipt, metadata: { pem: request.privateKeyPem.reveal() } }),
  }),
  broken('hands the key to a command as an argument', law.secret, {
    async takeIntoUse(work, changes) {
      await work.host.run(['product', 'check', work.request.privateKeyPem.reveal()], { signal: work.request.signal })
      return await sound.takeIntoUse(work, changes)
    },
  }),
  broken('fails to verify when it finds another certificate', law.verify, {
    verify(found, wanted) {
      if (found !== wanted) throw new CertctlError('conflict', 'Another certificate is there')
      return { matches: true }
    },
  }),
  broken('always verifies', law.verify, {
    verify: (found) => (found === undefined ? { matches: false } : { matches: true, foundFingerprint: found }),
  }),
  broken('never verifies', law.serves, {
    verify: (found) => (found === undefined ? { matches: false } : { matches: false, foundFingerprint: found }),
  }),
  broken('does not ask for the handshake', law.serves, {
    async takeIntoUse({ host, request: { signal } }) {
      await runOrThrow(host, ['product', 'check'], signal)
      await reload(host, signal)
      return 'unverifiable'
    },
  }),
  broken('asks for the handshake before the reload', law.serves, {
    async takeIntoUse({ host, request: { signal, fingerprint } }) {
      await runOrThrow(host, ['product', 'check'], signal)
      const served = await host.confirmServed({ fingerprint, signal }).catch(() => 'later' as const)
      await reload(host, signal)
      return served
    },
  }),
  broken('writes the files again and again', law.again, { isEqual: () => false }),
  broken('removes the old file before it writes the new one', law.dies, {
    async write(work, file) {
      await work.host.files.remove(file.path)
      await sound.write(work, file)
    },
  }),
  {
    ...broken('does not ask whether the pair fits, and the server ends at the reload', law.pair, {
      async takeIntoUse({ host, request: { signal, fingerprint } }) {
        await reload(host, signal)
        return await host.confirmServed({ fingerprint, signal })
      },
    }),
    createWorld: () => fakeProduct({ frail: true }),
  },
  broken('does not look at the signal', law.abort, {
    begin: () => undefined,
    failure: (cause) => new CertctlError('deploy_failed', messageOf(cause)),
  }),
  broken('does not hand the signal to its commands', law.abort, {
    async takeIntoUse(work, changes) {
      await work.host.run(['product', 'check'])
      return await sound.takeIntoUse(work, changes)
    },
  }),
  broken('joins a reload that has begun', law.both, {
    async takeIntoUse({ host, request: { signal, fingerprint } }) {
      begunReload ??= runOrThrow(host, ['product', 'reload'], signal).finally(() => {
        begunReload = undefined
      })
      await begunReload
      return await host.confirmServed({ fingerprint, signal })
    },
    // So that the second writes its files while the first one's reload is under way.
    async write(work, file) {
      for (let tick = 0; file.path.includes('other') && tick < 2; tick += 1)
        await work.host.delay(0, work.request.signal)
      await sound.write(work, file)
    },
  }),
  broken('replaces whatever is there', law.foreign, { requireReplaceable: () => undefined }),
  broken('accepts unknown fields', law.strict, { schema: z.object(configSchema.shape) }),
  broken('reads a file when it is created', law.create, {
    created: (host, config) => void host.files.stat(config.cert_path).catch(() => undefined),
  }),
  broken('reads the clock when it is created', law.create, { created: (host) => void host.now() }),
  broken('is called something else than its folder', law.slug, { type: 'Sample' }),
  brokenDefinition('has a field that nobody described', law.slug, {
    ...fileTarget(),
    jsonSchema: { type: 'object', properties: { cert_path: { type: 'string' } } },
  }),
  brokenDefinition(
    'offers what no contract knows',
    law.offers,
    altered(() => ({ rollback: async () => undefined })),
  ),
  brokenDefinition(
    'removes what is still used when it cleans up',
    law.cleanUp,
    altered((_, host) => ({
      async cleanUp() {
        await host.files.remove(here.key_path)
        return { removed: [here.key_path] }
      },
    })),
  ),
  brokenDefinition(
    'deploys when it is asked for a plan',
    law.plan,
    altered((connector) => ({
      async plan(request: Parameters<typeof connector.deploy>[0]) {
        await connector.deploy(request)
        return []
      },
    })),
  ),
  {
    name: 'says that it undid what it could not undo',
    caughtBy: law.stays,
    definition: cloudTarget({ keeps: true, failure: (cause) => new CertctlError('deploy_failed', messageOf(cause)) }),
    config: cloudConfig,
    createWorld: fakeCloudStore,
  },
  {
    name: 'cannot be created without talking',
    caughtBy: law.create,
    definition: defineTarget({
      ...fileTarget(),
      create(config, host) {
        void host.run(['product', 'check']).catch(() => undefined)
        return fileTarget().create(config, host)
      },
    }),
    config: here,
    createWorld: () => fakeProduct(),
  },
]

import { commandLine, defineTarget, fileFields, fileMode, filePath, type TargetHost, z } from '@certctl/core'
import {
  type FileChange,
  leafFingerprint,
  type PemParts,
  pairFits,
  pemParts,
  replaceFiles,
  requirePair,
  runOrThrow,
} from '@certctl/kit'

const contents = ['certificate', 'chain', 'fullchain', 'key', 'combined', 'combined_key_first'] as const

const fileSchema = z.strictObject({
  path: filePath().describe('Where the file is.'),
  content: z
    .enum(contents)
    .describe(
      'certificate: the leaf; chain: what is between it and the root; fullchain: both; key; combined: leaf, chain and key; combined_key_first: key, leaf and chain.',
    ),
  mode: fileMode()
    .optional()
    .describe('Mode of this file, in octal; default: 0644, and key_mode where it holds the key.'),
})

export const configSchema = z.strictObject({
  files: z
    .array(fileSchema)
    .min(1, 'must list a file')
    .max(16, 'must not list more than 16 files')
    .refine((files) => files.some(holdsLeaf), 'must list a file that holds the certificate')
    .describe('The files to write, all or none.'),
  validate_command: commandLine().optional().describe('Asked, once the files are written, whether they may be used.'),
  command: commandLine().optional().describe('Run afterwards, so that a server reads the files again.'),
  ...fileFields(),
})

type Config = z.output<typeof configSchema>
type Listed = z.output<typeof fileSchema>

/** Any layout of PEM files. Which server reads them, and how it is told, only the operator knows. */
export default defineTarget({
  type: 'Files',
  displayName: 'Files and a command',
  configSchema,
  capabilities: { platforms: ['linux', 'darwin', 'win32'], verifies: 'file', undo: 'full', holds: 'one' },
  lockKey: (config) => placeOf(config),

  create(config, host) {
    const { validate_command, command } = config
    return {
      async deploy({ certificatePem, chainPem, privateKeyPem, fingerprint, signal }) {
        requirePair(certificatePem, privateKeyPem)
        const parts = pemParts(certificatePem, chainPem)
        const changes = certificateFirst(config.files).map((file) =>
          changeOf(config, file, textOf(file, parts, privateKeyPem.reveal())),
        )
        const { changed, confirmed } = await replaceFiles(host.files, changes, {
          signal,
          validate: validate_command && ((signal) => runOrThrow(host, validate_command, signal)),
          activate: command && ((signal) => host.shared(command.join(' '), () => runOrThrow(host, command, signal))),
          confirm: () => host.confirmServed({ fingerprint, signal }),
        })
        host.log.info('certificate deployed', { path: placeOf(config), changed })
        return { changed, served: confirmed, location: placeOf(config), effective: 'now' }
      },

      async verify({ fingerprint }) {
        const found: (string | undefined)[] = []
        for (const { path } of config.files.filter(holdsLeaf)) found.push(await leafFingerprint(host.files, path))
        const matches = found.every((leaf) => leaf === fingerprint) && (await keysFit(config, host))
        const other = found.find((leaf) => leaf !== fingerprint)
        return { matches, location: placeOf(config), foundFingerprint: other ?? found[0] }
      },
    }
  },
})

/** A certificate alone is the last to change, so that it is new only when all else is. */
function certificateFirst(files: readonly Listed[]): Listed[] {
  return files.toSorted((a, b) => Number(holdsLeaf(b)) - Number(holdsLeaf(a)))
}

function changeOf({ key_mode, owner, group }: Config, { path, content, mode }: Listed, text: string): FileChange {
  const secret = holdsKey({ content })
  return { path, content: text, mode: mode ?? (secret ? key_mode : 0o644), owner, group, secret }
}

function textOf({ content }: Listed, { leaf, chain, fullChain }: PemParts, key: string): string {
  const texts: Readonly<Record<Listed['content'], string>> = {
    certificate: leaf,
    chain,
    fullchain: fullChain,
    key,
    combined: `${fullChain}${key}`,
    combined_key_first: `${key}${fullChain}`,
  }
  return texts[content]
}

function holdsLeaf({ content }: Pick<Listed, 'content'>): boolean {
  return content !== 'chain' && content !== 'key'
}

function holdsKey({ content }: Pick<Listed, 'content'>): boolean {
  return content.startsWith('combined') || content === 'key'
}

function placeOf({ files }: Config): string {
  return files.find(holdsLeaf)?.path ?? ''
}

/** Every key that was listed must be that of the certificate in the first file. */
async function keysFit(config: Config, { files }: TargetHost): Promise<boolean> {
  const textAt = async (path: string) =>
    (await files.stat(path)) === undefined ? '' : Buffer.from(await files.read(path)).toString('latin1')
  const certificate = await textAt(placeOf(config))
  for (const { path } of config.files.filter(holdsKey)) if (!pairFits(certificate, await textAt(path))) return false
  return true
}

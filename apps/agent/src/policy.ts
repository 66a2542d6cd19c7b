import { readFile, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, sep } from 'node:path'
import { CertctlError, commandLine, messageOf, parseConfig, port, readPath, z } from '@certctl/core'
import { commandText } from './command-text.js'
import { secretVariablePrefix } from './config.js'

const policySchema = z.strictObject({
  commands: z
    .array(commandLine())
    .prefault([])
    .describe(
      'Commands that deployments may run besides those that connector packages propose; compared word by word.',
    ),
  write_directories: z
    .array(readPath())
    .optional()
    .describe('Directories that deployments may write below. Absent: any, but only over certificate material.'),
  secret_directories: z
    .array(readPath())
    .prefault([])
    .describe('Directories of files that a target may name as file:/path in place of a secret.'),
  challenge_ports: z
    .array(port())
    .prefault([80, 443])
    .describe('Ports on which this host may answer challenges of ACME CAs.'),
  secret_environment: z
    .array(z.string())
    .prefault([])
    .describe(`Variables that a target may name as env:NAME, besides those that begin with ${secretVariablePrefix}.`),
})

/** What a control plane may make this agent do. Each question throws `policy_denied` with the line that would allow it. */
export interface Policy {
  allowCommand(argv: readonly string[], proposed: readonly (readonly string[])[]): void
  allowWrite(path: string): Promise<void>
  allowSecretFile(path: string): Promise<void>
  allowSecretVariable(name: string): void
  allowChallengePort(port: number): void
}

/** The policy of this moment: the file is read for every job, so that an edit counts at once. Without a file only proposals are allowed. */
export async function readPolicy(file: string | undefined): Promise<Policy> {
  const rules = parseConfig(policySchema, file === undefined ? {} : await readRules(file), `Policy file ${file ?? ''}`)
  const where = file ?? 'a policy file named by CERTCTL_AGENT_POLICY_FILE'
  const refuse = (what: string, key: string, line: string | number): never => {
    throw new CertctlError(
      'policy_denied',
      `${what} is not allowed on this host; to allow it add ${JSON.stringify(line)} to "${key}" in ${where}`,
    )
  }
  return {
    allowCommand(argv, proposed) {
      if ([...proposed, ...rules.commands].some((allowed) => sameWords(allowed, argv))) return
      refuse(`The command ${commandText(argv)}`, 'commands', commandText(argv))
    },
    async allowWrite(path) {
      if (rules.write_directories === undefined || (await isBelow(path, rules.write_directories))) return
      refuse(`Writing ${path}`, 'write_directories', dirname(path))
    },
    async allowSecretFile(path) {
      if (await isBelow(path, rules.secret_directories)) return
      refuse(`Reading a secret from ${path}`, 'secret_directories', dirname(path))
    },
    allowSecretVariable(name) {
      if (name.startsWith(secretVariablePrefix) || rules.secret_environment.includes(name)) return
      refuse(`Reading a secret from the variable ${name}`, 'secret_environment', name)
    },
    allowChallengePort(asked) {
      if (rules.challenge_ports.includes(asked)) return
      refuse(`Answering challenges on port ${asked}`, 'challenge_ports', asked)
    },
  }
}

/** A file to start from. */
export const policyExample = `${JSON.stringify(
  {
    commands: ['systemctl reload web'],
    write_directories: ['/etc/web/tls'],
    secret_directories: ['/etc/certctl/secrets'],
    secret_environment: ['F5_PASSWORD'],
    challenge_ports: [80, 443],
  },
  null,
  2,
)}
`

async function readRules(file: string): Promise<unknown> {
  await requireTrustworthy(file)
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    throw new CertctlError('config_invalid', `Policy file ${file} is not JSON: ${messageOf(cause)}`, { cause })
  }
}

/** Who may write the policy may run commands as this user. */
async function requireTrustworthy(file: string): Promise<void> {
  const found = await stat(file).catch((cause) => {
    throw new CertctlError('config_invalid', `Policy file ${file} cannot be read: ${messageOf(cause)}`, { cause })
  })
  const own = process.getuid?.()
  if (own !== undefined && found.uid !== 0 && found.uid !== own)
    throw new CertctlError(
      'config_invalid',
      `Policy file ${file} belongs to user ${found.uid}; it must belong to root or to the agent's user`,
    )
  if (own !== undefined && (found.mode & 0o022) !== 0)
    throw new CertctlError('config_invalid', `Policy file ${file} can be written by others; run: chmod go-w ${file}`)
}

function sameWords(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((word, index) => word === other[index])
}

/** Links are followed on both sides: what counts is where the bytes are. */
async function isBelow(path: string, directories: readonly string[]): Promise<boolean> {
  const real = await realPathOf(path)
  const roots = await Promise.all(directories.map(realPathOf))
  return roots.some((root) => real.startsWith(root.endsWith(sep) ? root : root + sep))
}

/** Of a file that need not be there yet. */
async function realPathOf(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch {
    // Not there: its directory decides, and the root is always there.
    return dirname(path) === path ? path : join(await realPathOf(dirname(path)), basename(path))
  }
}

import { z } from 'zod'
import { parseCommandLine } from './command-line.js'
import { parseDuration } from './duration.js'
import { isSecret, Secret } from './secret.js'

/** Under this key a field's JSON Schema says what it means: see `Mark`. */
export const markKey = 'x-certctl'
/** `secret`: sealed at rest and masked; `file`: a path that deployments write; `command`: an argument vector an agent's policy must allow; `script`: a program the
 * server runs, which over the API must lie in its scripts directory; `address`: where secrets are sent. */
export type Mark = 'secret' | 'file' | 'command' | 'duration' | 'directory' | 'script' | 'address'

function marked<T extends z.ZodType>(schema: T, mark: Mark): T {
  return schema.meta({ [markKey]: mark })
}

/** A credential. Parsed into a `Secret`; sealed at rest, masked in answers, kept out of logs. */
export function secret(): z.ZodType<Secret, string | Secret> {
  const text = z.string().min(1, 'must not be empty').max(65_536, 'must not be longer than 65,536 characters')
  const kept = z.custom<Secret>(isSecret, 'must be text')
  return marked(z.union([kept, text.transform((value) => new Secret(value))]), 'secret')
}

/** A command as an operator types it, or as a list. Parsed into an argument vector; anything a shell would interpret is refused. */
export function commandLine(): z.ZodType<readonly string[], string | readonly string[]> {
  const text = z.string().transform((line, context) => {
    const parsed = parseCommandLine(line)
    if (parsed.ok) return parsed.argv
    context.addIssue({ code: 'custom', message: parsed.fault })
    return z.NEVER
  })
  const list = z
    .array(z.string().refine((part) => !part.includes('\0'), 'must not contain a NUL character'))
    .min(1, 'must name a program')
  return marked(z.union([list, text]), 'command')
}

const absolutePath = z
  .string()
  .max(1024, 'must not be longer than 1,024 characters')
  .refine((path) => /^(\/|[A-Za-z]:[\\/])/.test(path), 'must be an absolute path')
  .refine((path) => !path.split(/[\\/]/).includes('..'), 'must not contain ".."')
  .refine((path) => !/[\0\r\n]/.test(path), 'must not contain control characters')

/** A file that deployments write. Absolute; no two targets of one agent may name the same. */
export function filePath(): z.ZodType<string, string> {
  const file = absolutePath.refine((path) => !/[\\/]$/.test(path), 'must name a file, not a directory')
  return marked(file, 'file')
}

/** An absolute path of a directory, or of a file that is only read. */
export function readPath(): z.ZodType<string, string> {
  return marked(absolutePath, 'directory')
}

/** The absolute path of a program that the server runs; see `scriptFault`. */
export function scriptPath(): z.ZodType<string, string> {
  return marked(absolutePath, 'script')
}

/** `500ms 30s 5m 6h 7d`; parsed into seconds. */
export function duration(): z.ZodType<number, string | number> {
  const text = z.string().transform((value, context) => {
    const seconds = parseDuration(value)
    if (seconds !== undefined) return seconds
    context.addIssue({ code: 'custom', message: 'is not a duration; write 500ms, 30s, 5m, 6h or 7d' })
    return z.NEVER
  })
  return marked(z.union([z.number().nonnegative(), text]), 'duration')
}

const label = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/i

/** A DNS name (A-labels) or an IP address literal, without port; kept in lower case. */
export function hostname(): z.ZodType<string, string> {
  return z
    .string()
    .trim()
    .max(253, 'must not be longer than 253 characters')
    .refine(
      (name) => isIpLiteral(name) || name.split('.').every((part) => label.test(part)),
      'must be a host name or an IP address',
    )
    .transform((name) => name.toLowerCase())
}

function isIpLiteral(name: string): boolean {
  return z.union([z.ipv4(), z.ipv6()]).safeParse(name).success
}

export function port(): z.ZodType<number, number> {
  return z.int().min(1, 'must be between 1 and 65535').max(65535, 'must be between 1 and 65535')
}

/** An absolute https or http URL without credentials in it. Whoever changes it to another origin must give the secrets beside it again. */
export function url(): z.ZodType<string, string> {
  const plain = z
    .string()
    .max(4096)
    .refine((value) => isPlainUrl(value), 'must be an http or https URL without user name and password')
  return marked(plain, 'address')
}

function isPlainUrl(value: string): boolean {
  if (!URL.canParse(value)) return false
  const { protocol, username, password } = new URL(value)
  return (protocol === 'https:' || protocol === 'http:') && username === '' && password === ''
}

/** Octal text (`0640`) or a number; parsed into a number between 0 and 0o777. Never writable by others. */
export function fileMode(): z.ZodType<number, string | number> {
  const text = z
    .string()
    .regex(/^0?[0-7]{3}$/, 'must be three octal digits such as 0640')
    .transform((value) => Number.parseInt(value, 8))
  return z
    .union([text, z.int().min(0).max(0o777)])
    .refine((mode) => (mode & 0o002) === 0, 'must not let everybody write')
}

const accountName = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}$/, 'must be a user or group name, or a number')

/** Owner and mode of the files a target writes; spread into a file target's own schema. */
export function fileFields() {
  return {
    key_mode: fileMode().prefault('0600').describe('Mode of files that hold the private key, in octal.'),
    owner: accountName
      .optional()
      .describe('User that owns the files; an existing file keeps its owner where this is not set.'),
    group: accountName
      .optional()
      .describe('Group of the files; an existing file keeps its group where this is not set.'),
  }
}

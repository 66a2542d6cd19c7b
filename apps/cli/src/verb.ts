import { CertctlError, type FieldFault, faultsOf, z } from '@certctl/core'
import type { Cli } from './cli.js'

/** One verb of one noun: what it takes, what it says of itself, what it does. */
export interface Verb {
  readonly name: string
  readonly aliases: readonly string[]
  readonly summary: string
  /** Shown at the end of `--help`, each a command that works. */
  readonly examples: readonly string[]
  /** By name, in order: `{ id: 'Its id' }`. `[id]` may be left out, `[names...]` takes the rest. */
  readonly arguments: Readonly<Record<string, string>>
  /** `'--type <type>': 'Only this type'`; three dots at the end let it be repeated. */
  readonly options: Readonly<Record<string, string>>
  run(given: Readonly<Record<string, unknown>>, cli: Cli): Promise<void>
}

interface VerbInput<S extends z.ZodObject> {
  name: string
  aliases?: readonly string[]
  summary: string
  examples: readonly string[]
  arguments?: Readonly<Record<string, string>>
  options?: Readonly<Record<string, string>>
  /** Arguments and options together, by their names in camel case. */
  given: S
  run(given: z.output<S>, cli: Cli): Promise<void>
}

/** Completes a verb; what was given is parsed before it runs. */
export function defineVerb<S extends z.ZodObject>(input: VerbInput<S>): Verb {
  return {
    aliases: [],
    arguments: {},
    options: {},
    ...input,
    run: async (given, cli) => {
      const parsed = input.given.safeParse(given)
      if (!parsed.success) throw usageError(faultsOf(parsed.error).map((fault) => namedAsTyped(fault, input)))
      await input.run(parsed.data, cli)
    },
  }
}

function usageError(errors: readonly FieldFault[]): CertctlError {
  return new CertctlError('request_malformed', errors.map(({ field, message }) => `${field} ${message}`).join('; '), {
    errors,
  })
}

function namedAsTyped(
  { field, message }: FieldFault,
  { arguments: taken = {} }: { arguments?: Readonly<Record<string, string>> },
): FieldFault {
  const [first = ''] = field.split('.')
  const isArgument = Object.keys(taken).some((name) => bareName(name) === first)
  const kebab = first.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  return { field: isArgument ? first.toUpperCase() : `--${kebab}`, message }
}

/** `[names...]` → `names`. */
export function bareName(argument: string): string {
  return argument.replace(/[[\]<>.]/g, '')
}

/** A whole number as people type it. */
export function typedNumber(min: number, max: number) {
  const error = `must be a whole number between ${min} and ${max}`
  return z.coerce.number<string>({ error }).int(error).min(min, error).max(max, error)
}

import { inspect } from 'node:util'

const printed = '[secret]'
const opened = Symbol.for('certctl.secret.reveal')

/** A value that prints as `[secret]` in text, in JSON and under `util.inspect`; only `reveal()` gives it. */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  /** Called on the line that needs the value, and nowhere else. */
  reveal(): string {
    return this.#value
  }

  toString(): string {
    return printed
  }

  toJSON(): string {
    return printed
  }

  [Symbol.toPrimitive](): string {
    return printed
  }

  [inspect.custom](): string {
    return printed
  }

  /** Marks the shape, so that a secret made by another copy of core is still recognised. */
  get [opened](): true {
    return true
  }
}

/** Looks at the shape: a third party may carry another copy of core. */
export function isSecret(value: unknown): value is Secret {
  return typeof value === 'object' && value !== null && opened in value
}

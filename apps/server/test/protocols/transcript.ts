export interface Step {
  title: string
  who: string
  method: string
  path: string
  body: string | undefined
  status: number
  answer: unknown
}

/** Reads a transcript: its first lines say how it is written. */
export function readTranscript(text: string): Step[] {
  const parts = text.split(/^== /m).slice(1)
  return parts.map((part) => {
    const [title = '', request = '', ...rest] = part.trimEnd().split('\n')
    const [, who, method, path] = /^(\w+) ([A-Z]+) (\S+)$/.exec(request) ?? []
    const [, body, status, answer] = /^([\s\S]*?)^(\d{3})$([\s\S]*)$/m.exec(rest.join('\n')) ?? []
    if (who === undefined || method === undefined || path === undefined || status === undefined)
      throw new Error(`The step "${title}" of the transcript cannot be read`)
    return {
      title,
      who,
      method,
      path,
      body: body === undefined || body.trim() === '' ? undefined : body,
      status: Number(status),
      answer: answer === undefined || answer.trim() === '' ? undefined : JSON.parse(answer),
    }
  })
}

export type Variables = (name: string) => string

/** Puts values where a text says `$name`; `quoted` for JSON. */
export function fillIn(text: string, variables: Variables, quoted = false): string {
  return text.replace(/\$(\w+)/g, (_, name: string) => {
    const value = variables(name)
    return quoted ? JSON.stringify(value).slice(1, -1) : value
  })
}

const types: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  boolean: (value) => typeof value === 'boolean',
  time: (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value),
  pem: (value) => typeof value === 'string' && value.startsWith('-----BEGIN CERTIFICATE-----\n'),
  fingerprint: (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value),
}

export interface Reading {
  variables: Variables
  capture(name: string, value: string): void
}

/** What in an answer is not as the transcript says; empty: nothing. */
export function faultsOf(wanted: unknown, given: unknown, reading: Reading, path = ''): string[] {
  const fault = (text: string): string[] => [`${path || 'the answer'}: ${text}, but is ${JSON.stringify(given)}`]
  if (typeof wanted === 'string') return textFaults(wanted, given, reading, fault)
  if (Array.isArray(wanted)) {
    if (!Array.isArray(given)) return fault('must be a list')
    if (given.length !== wanted.length) return fault(`must have ${wanted.length} items`)
    return wanted.flatMap((item, index) => faultsOf(item, given[index], reading, `${path}[${index}]`))
  }
  if (typeof wanted !== 'object' || wanted === null) return given === wanted ? [] : fault(`must be ${String(wanted)}`)
  if (typeof given !== 'object' || given === null) return fault('must be an object')
  return Object.entries(wanted).flatMap(([key, value]) => {
    const name = key.replace(/\?$/, '')
    const found = (given as Record<string, unknown>)[name]
    if (key.endsWith('?') && found === undefined) return []
    return faultsOf(value, found, reading, path === '' ? name : `${path}.${name}`)
  })
}

function textFaults(wanted: string, given: unknown, reading: Reading, fault: (text: string) => string[]): string[] {
  if (wanted.startsWith('=')) {
    const text = fillIn(wanted.slice(1), reading.variables)
    return given === text ? [] : fault(`must be "${text}"`)
  }
  const [type = '', name] = wanted.split(':')
  if (types[type]?.(given) !== true) return fault(`must be a ${type}`)
  if (name !== undefined) reading.capture(name, String(given))
  return []
}

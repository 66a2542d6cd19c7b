/** What CAA records and standing records have in common (RFC 8659 §4.2). */
export interface IssueValue {
  /** Empty: nobody. */
  domain: string
  /** By tag, in lower case. */
  parameters: ReadonlyMap<string, string>
}

const domain = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*)?$/i
const parameter = /^([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)[ \t]*=[ \t]*([\x21-\x3a\x3c-\x7e]*)$/i

/** `ca.example; accounturi=https://…`; `undefined` where it is written wrong: it then lets nobody issue. */
export function parseIssueValue(text: string): IssueValue | undefined {
  const [first = '', ...rest] = text.split(';').map((part) => part.replace(/^[ \t]+|[ \t]+$/g, ''))
  if (!domain.test(first)) return undefined
  const parameters = new Map<string, string>()
  // `ca.example;` says no more than `ca.example`.
  if (rest.length === 1 && rest[0] === '') return { domain: first.toLowerCase(), parameters }
  for (const part of rest) {
    const [, tag, value] = parameter.exec(part) ?? []
    if (tag === undefined || value === undefined || parameters.has(tag.toLowerCase())) return undefined
    parameters.set(tag.toLowerCase(), value)
  }
  return { domain: first.toLowerCase(), parameters }
}

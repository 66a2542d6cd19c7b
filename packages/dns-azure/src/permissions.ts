import type { Grant } from './client.js'

const needed = ['read', 'write', 'delete'].map((verb) => `Microsoft.Network/dnsZones/TXT/${verb}`)

/** Of the actions that a DNS provider needs, those that no role allows. A role's exceptions take from that role alone. */
export function missingActions(grants: readonly Grant[]): string[] {
  const covers = (patterns: readonly string[], action: string) => patterns.some((pattern) => matches(pattern, action))
  const allowed = (action: string) =>
    grants.some((grant) => covers(grant.actions, action) && !covers(grant.notActions, action))
  return needed.filter((action) => !allowed(action))
}

function matches(pattern: string, action: string): boolean {
  const parts = pattern
    .toLowerCase()
    .split('*')
    .map((part) => part.replace(/[.\\^$+?()[\]{}|/-]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`).test(action.toLowerCase())
}

/** What a caller may be allowed to do. `public` asks nobody; `agent.act` is what only an agent does, for itself. */
export const permissions = [
  'public',
  'auth.self',
  'certificates.read',
  'certificates.write',
  'certificates.export',
  'certificates.bulk_revoke',
  'issuers.read',
  'issuers.write',
  'targets.read',
  'targets.write',
  'notifiers.read',
  'notifiers.write',
  'health_checks.read',
  'health_checks.write',
  'owners.read',
  'owners.write',
  'policies.read',
  'policies.write',
  'renewal_policies.read',
  'renewal_policies.write',
  'approvals.read',
  'approvals.decide',
  'agents.read',
  'agents.write',
  'agent.act',
  'join_tokens.read',
  'join_tokens.write',
  'connector_types.read',
  'jobs.read',
  'jobs.write',
  'events.read',
  'audit.read',
  'audit.verify',
  'api_keys.read',
  'api_keys.write',
  'encryption_key.read',
  'encryption_key.write',
  'status.read',
  'metrics.read',
] as const
export type Permission = (typeof permissions)[number]

export const roles = ['admin', 'operator', 'viewer', 'auditor', 'agent'] as const
export type Role = (typeof roles)[number]

const viewer: readonly Permission[] = [
  'public',
  'auth.self',
  'certificates.read',
  'issuers.read',
  'targets.read',
  'notifiers.read',
  'health_checks.read',
  'owners.read',
  'policies.read',
  'renewal_policies.read',
  'approvals.read',
  'agents.read',
  'connector_types.read',
  'jobs.read',
  'events.read',
  'status.read',
  'metrics.read',
]

/**
 * The one table of roles. An agent's other rights come from `agent: 'own'` beside a route. Operators work under profiles and policies, and
 * could issue past them, and past an approval, if they could write them; nor owners, by which people are told apart.
 */
export const rolePermissions: Readonly<Record<Role, readonly Permission[]>> = {
  admin: permissions.filter((permission) => permission !== 'agent.act'),
  operator: [
    ...viewer,
    'certificates.write',
    'certificates.export',
    'issuers.write',
    'targets.write',
    'notifiers.write',
    'health_checks.write',
    'renewal_policies.write',
    'approvals.decide',
    'agents.write',
    'join_tokens.read',
    'join_tokens.write',
    'jobs.write',
  ],
  viewer,
  auditor: [...viewer, 'audit.read', 'audit.verify', 'api_keys.read', 'join_tokens.read'],
  agent: ['public', 'auth.self', 'agent.act'],
}

/** Whether the role reaches the route at all. For an agent on a route marked `agent: 'own'` the caller still has to compare whose row it is. */
export function allows(role: Role, operation: { permission: Permission; agent?: 'own' | undefined }): boolean {
  if (rolePermissions[role].includes(operation.permission)) return true
  return role === 'agent' && operation.agent === 'own'
}

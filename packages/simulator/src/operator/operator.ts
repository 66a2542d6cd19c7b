import type { Actor } from '../../../../apps/server/src/store/audit-entry.js'

/** Who asks for things in a simulation. */
export const operator: Actor = { type: 'User', id: 'key-operator', name: 'operator' }

import { type JsonValue, Secret, type StateStore, z } from '@certctl/core'

/** Who this agent is to its control plane. */
export interface Identity {
  agentId: string
  apiKey: Secret
  server: ServerTrust
}

/** Where the control plane is and how its certificate is judged. */
export interface ServerTrust {
  url: string
  pin?: string | undefined
  caPem?: string | undefined
  insecure?: boolean | undefined
}

const storedSchema = z.object({
  agent_id: z.string(),
  api_key: z.string(),
  server_url: z.string(),
  pin: z.string().nullable(),
  /** Of the token it joined with: that one again says nothing new. */
  token_sha256: z.string(),
  retired: z.boolean().default(false),
})
export type StoredIdentity = z.output<typeof storedSchema>

const key = 'identity'

/** What an earlier start of this agent stored; sealed, and synced before the key was first used. */
export async function readIdentity(state: StateStore): Promise<StoredIdentity | undefined> {
  const stored = await state.get(key)
  return stored === undefined ? undefined : storedSchema.parse(stored.value)
}

export async function writeIdentity(state: StateStore, identity: StoredIdentity): Promise<void> {
  await state.put(key, { ...identity } satisfies JsonValue)
}

/** The server said that it knows this agent no more: a later start must not go on as it. */
export async function markRetired(state: StateStore): Promise<void> {
  const identity = await readIdentity(state)
  if (identity !== undefined) await writeIdentity(state, { ...identity, retired: true })
}

export function identityOf(stored: StoredIdentity): Identity {
  return {
    agentId: stored.agent_id,
    apiKey: new Secret(stored.api_key),
    server: { url: stored.server_url, pin: stored.pin ?? undefined },
  }
}

import { type Secret, z } from '@certctl/core'

const keySchema = z.object({
  type: z.literal('service_account'),
  project_id: z.string().min(1).optional(),
  private_key_id: z.string().min(1).optional(),
  private_key: z.string().includes('-----BEGIN PRIVATE KEY-----'),
  client_email: z.string().min(1),
  token_uri: z.url().prefault('https://oauth2.googleapis.com/token'),
})

export type ServiceAccountKey = z.output<typeof keySchema>

/** The parts of a service account's key; `undefined` where the text is none. */
export function keyOf(credentials: Secret): ServiceAccountKey | undefined {
  try {
    return keySchema.safeParse(JSON.parse(credentials.reveal())).data
  } catch {
    return undefined
  }
}

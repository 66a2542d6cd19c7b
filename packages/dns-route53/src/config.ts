import { duration, secret, url, z } from '@certctl/core'

export const configSchema = z
  .strictObject({
    hosted_zone_id: z
      .string()
      .regex(/^(?:\/hostedzone\/)?[A-Z0-9]{1,32}$/, 'must be the id of a hosted zone, such as Z0123456789ABCDEFGHIJ')
      .transform((id) => id.replace('/hostedzone/', ''))
      .optional()
      .describe('The only hosted zone to change. Default: the deepest public zone that holds the name.'),
    access_key_id: z.string().min(1).max(128).optional().describe('Access key; needs secret_access_key.'),
    secret_access_key: secret().optional().describe('Secret of the access key.'),
    session_token: secret().optional().describe('Session token, where the access key is a temporary one.'),
    profile: z
      .string()
      .min(1)
      .max(128)
      .optional()
      .describe(
        "Profile of the server user's AWS files. Default: whatever the SDK finds: environment, files, role of the machine.",
      ),
    role_arn: z
      .string()
      .regex(/^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/, 'must be the ARN of a role')
      .optional()
      .describe('Role that is assumed with these credentials, for zones of another account.'),
    external_id: secret().optional().describe('External id that the role asks for.'),
    region: z
      .string()
      .regex(/^[a-z]{2}(?:-[a-z]+)+-\d$/, 'must be a region such as us-east-1')
      .prefault('us-east-1')
      .describe('Region that requests are signed for; decides the partition: cn-northwest-1 for China.'),
    endpoint: url()
      .optional()
      .describe('Address of the service where it is not the public one: a VPC endpoint, a test.'),
    timeout: duration()
      .refine((seconds) => seconds >= 1 && seconds <= 120, 'must be between 1s and 2m')
      .prefault('30s')
      .describe('How long one answer may take.'),
  })
  .refine(
    ({ access_key_id, secret_access_key }) => (access_key_id === undefined) === (secret_access_key === undefined),
    { path: ['secret_access_key'], message: 'and access_key_id go together: give both, or neither' },
  )
  .refine(({ access_key_id, profile }) => access_key_id === undefined || profile === undefined, {
    path: ['profile'],
    message: 'and access_key_id are two ways for one thing: give one',
  })
  .refine(({ session_token, access_key_id }) => session_token === undefined || access_key_id !== undefined, {
    path: ['session_token'],
    message: 'needs access_key_id',
  })
  .refine(({ external_id, role_arn }) => external_id === undefined || role_arn !== undefined, {
    path: ['external_id'],
    message: 'needs role_arn',
  })

export type Config = z.output<typeof configSchema>

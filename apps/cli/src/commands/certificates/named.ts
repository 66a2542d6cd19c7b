import { z } from '@certctl/core'

/** Options that say whose a certificate is and what holds for it. */
export const namedOptions = {
  '--owner <id>': 'Who answers for it; none where empty',
  '--team <id>': "Its team; the owner's where not given",
  '--renewal-policy <id>': 'When it is renewed',
  '--profile <id>': 'What it may be',
}

export const namedGiven = {
  owner: z.string().optional(),
  team: z.string().optional(),
  renewalPolicy: z.string().optional(),
  profile: z.string().optional(),
}

export function namedOf({ owner, team, renewalPolicy, profile }: z.output<z.ZodObject<typeof namedGiven>>) {
  return { owner_id: owner, team_id: team, renewal_policy_id: renewalPolicy, certificate_profile_id: profile }
}

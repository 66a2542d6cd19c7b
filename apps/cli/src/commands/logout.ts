import { z } from '@certctl/core'
import { removeLogin } from '../login-file.js'
import { defineVerb } from '../verb.js'

export const logout = defineVerb({
  name: 'logout',
  summary: 'Forgets the API key on this machine; to end the key itself: certctl api-keys delete',
  examples: ['certctl logout'],
  given: z.object({}),
  run: async (_, cli) => {
    const path = cli.loginFile()
    const existed = removeLogin(path)
    if (cli.json) cli.show({ file: path, removed: existed }, () => '')
    cli.say(existed ? `${path} is removed` : `Nobody was logged in: there is no ${path}`)
  },
})

import { readFileSync, writeFileSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { behaving, type ServedCa } from './served-ca.js'

/** A script in the operator's folder that prints what it is told to, whatever it is asked to sign. */
export async function openScript(folder: string): Promise<ServedCa> {
  const directory = await mkdtemp(join(folder, 'ca-'))
  const [script, output, runs] = ['sign', 'output', 'runs'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ]
  await writeFile(runs, '')
  await writeFile(output, '')
  await writeFile(script, `#!/bin/sh\necho sign >>${runs}\ncat >/dev/null\ncat ${output}\n`)
  await chmod(script, 0o755)
  const state = { behaviour: behaving }
  return {
    type: 'OpenSSL',
    ordering: 'sign',
    config: { sign_script: script },
    get asked() {
      return readFileSync(runs, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
    },
    get behaviour() {
      return state.behaviour
    },
    set behaviour(next) {
      state.behaviour = next
      writeFileSync(output, 'everything' in next ? String(next.everything.body) : next.certificates.join(''))
    },
    close: async () => await rm(directory, { recursive: true, force: true }),
  }
}

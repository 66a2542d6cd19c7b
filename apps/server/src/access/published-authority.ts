import { chmod, mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'

/** Writes the CA's certificate to `<state>/tls/ca.crt`, for people and scripts to trust; returns the path. Readable by everybody: there is nothing secret in it. */
export async function publishAuthority(stateDirectory: string, certificatePem: string): Promise<string> {
  const folder = join(stateDirectory, 'tls')
  const path = join(folder, 'ca.crt')
  await mkdir(folder, { recursive: true, mode: 0o755 })
  if ((await readFile(path, 'utf8').catch(() => '')) === certificatePem) return path
  const unfinished = join(folder, `.ca.crt.${process.pid}`)
  const file = await open(unfinished, 'w', 0o644)
  try {
    await file.writeFile(certificatePem)
    await file.sync()
  } finally {
    await file.close()
  }
  await chmod(unfinished, 0o644)
  await rename(unfinished, path)
  return path
}

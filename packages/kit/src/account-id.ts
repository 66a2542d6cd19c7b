/** The number of a user (`passwd`) or group; a number stands for itself. `undefined`: not in the host's file. `readText` gives the text of `/etc/passwd` or `/etc/group`,
 * so that this also works for machines that are reached otherwise. */
export async function accountId(
  table: 'passwd' | 'group',
  name: string,
  readText: (path: string) => Promise<string>,
): Promise<number | undefined> {
  if (/^\d+$/.test(name)) return Number(name)
  const lines = (await readText(`/etc/${table}`)).split('\n')
  const id = lines.map((line) => line.split(':')).find(([account]) => account === name)?.[2]
  return id === undefined || !/^\d+$/.test(id) ? undefined : Number(id)
}

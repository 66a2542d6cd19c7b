import type { FileStat } from './host.js'

const othersMayWrite = 0o022
const sticky = 0o1000

/** Why a server that runs as user `uid` must not run this program: whoever can change it would act as the server. `folder`
 * is the one it really lies in. `undefined`: it may. */
export function scriptFault(file: FileStat | undefined, folder: FileStat | undefined, uid: number): string | undefined {
  if (file === undefined || folder === undefined) return 'does not exist'
  if (file.kind !== 'file') return 'is not a file'
  if ((file.mode & 0o111) === 0) return 'cannot be executed; give it mode 0755'
  if ((file.mode & othersMayWrite) !== 0)
    return 'may be written by others than its owner; take that away with chmod go-w'
  if (file.uid !== 0 && file.uid !== uid)
    return `belongs to user ${file.uid}; it must belong to root or to the server's user, ${uid}`
  const isOpen = (folder.mode & othersMayWrite) !== 0 && (folder.mode & sticky) === 0
  if (!isOpen && (folder.uid === 0 || folder.uid === uid)) return undefined
  return `lies in ${folder.realPath}, where others may replace it; that folder must belong to root or user ${uid} alone`
}

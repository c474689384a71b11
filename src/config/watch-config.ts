/** Notices that the content of the configuration file changed, however it was changed: in place, renamed over, or by a symbolic link. */

import { createHash } from 'node:crypto'
import { readFileSync, statSync, watch, type FSWatcher } from 'node:fs'
import { dirname } from 'node:path'
import { SYSTEM_CLOCK, type Clock } from '../base/clock.ts'
import { MAX_FILE_BYTES } from './yaml-source.ts'

export interface ConfigWatch {
  close(): void
}

/** Quiet time after which a change counts as complete. */
const DEBOUNCE_MS = 100
/** Longest wait for quiet: something else may write into the same folder without pause. */
const MAX_WAIT_MS = 1_000
/** For changes that raise no event: network file systems, and links whose target is swapped in another folder. */
const POLL_MS = 2_000

/**
 * Calls `onChange` once per new content, after it has settled. A file that is missing or unreadable is waited for; whatever is
 * written meanwhile is seen when it is back. The content itself is not handed over: load it with loadConfig.
 *
 * @param path where symbolic links are followed at every look, as Kubernetes swaps them
 */
export function watchConfigFile(path: string, onChange: () => void, clock: Clock = SYSTEM_CLOCK): ConfigWatch {
  const look = createLook(path, onChange)
  let timer: NodeJS.Timeout | undefined
  let firstEventMs: number | undefined

  const settle = (): void => {
    firstEventMs = undefined
    look()
  }
  const onEvent = (): void => {
    const nowMs = clock.monotonicMs()
    firstEventMs ??= nowMs
    clearTimeout(timer)
    timer = setTimeout(settle, Math.max(0, Math.min(DEBOUNCE_MS, firstEventMs + MAX_WAIT_MS - nowMs))).unref()
  }

  // The folder, not the file: a file that is renamed over leaves its watcher on the old one.
  const folder = openWatcher(dirname(path), onEvent)
  const poll = setInterval(() => {
    if (look.isStale()) onEvent()
  }, POLL_MS).unref()
  return {
    close: () => {
      clearTimeout(timer)
      clearInterval(poll)
      folder?.close()
    },
  }
}

interface Look {
  (): void
  /** Whether the file's metadata differ from those of the last look. Reads no content. */
  isStale(): boolean
}

function createLook(path: string, onChange: () => void): Look {
  let signature = signatureOf(path)
  let digest = digestOf(path)
  const look = (): void => {
    signature = signatureOf(path)
    const found = digestOf(path)
    if (found === undefined || found === digest) return
    digest = found
    onChange()
  }
  return Object.assign(look, { isStale: () => signatureOf(path) !== signature })
}

function openWatcher(folder: string, onEvent: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(folder, { persistent: false }, onEvent)
    // A watcher that fails is no reason to stop: the poll goes on.
    watcher.on('error', () => { watcher.close() })
    return watcher
  } catch {
    return undefined
  }
}

function signatureOf(path: string): string {
  const stat = attempt(() => statSync(path, { bigint: true }))
  return stat === undefined ? '' : `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}`
}

/** @returns `undefined` where there is nothing to load: the file is missing or being replaced */
function digestOf(path: string): string | undefined {
  const size = attempt(() => statSync(path).size)
  if (size === undefined) return undefined
  if (size > MAX_FILE_BYTES) return `too large: ${size}`
  const bytes = attempt(() => readFileSync(path))
  return bytes === undefined ? undefined : createHash('sha256').update(bytes).digest('hex')
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

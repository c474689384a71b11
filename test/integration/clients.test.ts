/** The clients that the README names, as their users start them: each reaches a local origin, mediated and receipted. */

import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { startTestCompanion, type TestCompanion } from '../support/companion.ts'
import { hasProgram, skipFor } from '../support/missed.ts'
import { startOrigin, type Answer } from '../support/origin.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

interface Scene {
  readonly url: string
  readonly companion: TestCompanion
  readonly proxy: string
}

async function stage(t: TestContext, answer?: Answer): Promise<Scene> {
  const origin = await startOrigin(t, answer)
  const companion = await startTestCompanion(t, { allowLoopback: true })
  return { url: origin.url, companion, proxy: `http://127.0.0.1:${companion.port}` }
}

/** @param proxy for the variables that clients read; '' for none */
function run(program: string, args: readonly string[], proxy = ''): Promise<string> {
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(https?|all|no)_proxy$|^NODE_TEST_CONTEXT$/i.test(name)))
  const env = proxy === '' ? clean : { ...clean, http_proxy: proxy, https_proxy: proxy }
  return new Promise((resolve) => {
    execFile(program, args, { env, timeout: 30_000 }, (_error, stdout, stderr) => {
      resolve(`${stdout}${stderr}`.trim())
    })
  })
}

function isMissing(t: TestContext, program: string): boolean {
  const missing = !hasProgram(program)
  if (missing) skipFor(t, program)
  return missing
}

/** @returns how many exchanges the chain tells of, all allowed */
async function mediated({ companion }: Scene): Promise<number> {
  const phase = async (name: string) => (await companion.exchangeReceipts()).filter(({ decision_phase }) => decision_phase === name).length
  // A tunnel ends when both sides have closed, which its client does not wait for.
  await waitFor(async () => (await phase('intent')) === (await phase('outcome')))
  assert.deepEqual((await companion.exchangeReceipts()).filter(({ verdict }) => verdict !== 'allow'), [])
  return phase('outcome')
}

test('curl -x, curl by its environment, and curl on /fetch are mediated', async (t) => {
  if (isMissing(t, 'curl')) return
  const scene = await stage(t)
  assert.equal(await run('curl', ['-sS', '-x', scene.proxy, scene.url]), 'hello')
  assert.equal(await run('curl', ['-sS', scene.url], scene.proxy), 'hello')
  assert.equal(await run('curl', ['-sS', `${scene.proxy}/fetch?url=${scene.url}/`]), 'hello')
  assert.equal(await run('curl', ['-sS', '--proxytunnel', '-x', scene.proxy, scene.url]), 'hello')
  assert.equal(await mediated(scene), 4)
})

test('Python is mediated by its environment', async (t) => {
  if (isMissing(t, 'python3')) return
  const scene = await stage(t)
  assert.equal(await run('python3', ['-c', `import urllib.request; print(urllib.request.urlopen('${scene.url}').read().decode())`], scene.proxy), 'hello')
  assert.equal(await mediated(scene), 1)
})

test('the fetch of Node is mediated by its environment', async (t) => {
  const scene = await stage(t)
  assert.equal(await run(process.execPath, ['--use-env-proxy', '-e', `fetch('${scene.url}').then((answer) => answer.text()).then(console.log)`], scene.proxy), 'hello')
  assert.equal(await mediated(scene), 1)
})

test('git clones through the companion', async (t) => {
  if (isMissing(t, 'git')) return
  const dir = temporaryFolder(t)
  const git = (...args: readonly string[]): string => execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args], { cwd: dir, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  git('init', '-q', 'work')
  git('-C', 'work', 'commit', '-q', '--allow-empty', '-m', 'first')
  git('clone', '-q', '--bare', 'work', 'served.git')
  git('-C', 'served.git', 'update-server-info')
  const scene = await stage(t, (request, response) => {
    const path = join(dir, new URL(request.url ?? '', 'http://x').pathname)
    if (existsSync(path) && statSync(path).isFile()) response.end(readFileSync(path))
    else response.writeHead(404).end()
  })
  await run('git', ['clone', '-q', `${scene.url}/served.git`, join(dir, 'copy')], scene.proxy)
  assert.match(git('-C', 'copy', 'log', '--format=%s'), /^first\n$/)
  assert.ok((await mediated(scene)) >= 3)
})

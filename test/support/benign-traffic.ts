/** Ordinary requests and answers of agents, generated: ids, signed links, callbacks, hashes, talk about security. */

import type { BenignPiece } from './benign-files.ts'
import { DIGITS, HEX, LOWER, seededRandom, TOKEN, UPPER, WORD, type SeededRandom } from './seeded-random.ts'

/** Crockford's alphabet, in which ULIDs are written. */
const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const BASE64_CHARACTERS = `${WORD}+/`

export const uuid = (random: SeededRandom): string => random.text(32, HEX).replace(/^(.{8})(.{3}).(.{3}).(.{3})(.{12}).*$/, '$1-$24-4$3-a$4-$5')
const ulid = (random: SeededRandom): string => `01J${random.text(23, CROCKFORD)}`
const date = (random: SeededRandom): string => `2024${String(1 + random.below(12)).padStart(2, '0')}${String(1 + random.below(28)).padStart(2, '0')}`
const awsId = (random: SeededRandom): string => `ASIA${random.text(16, `${UPPER}234567`)}`

export interface BenignUrl {
  readonly category: string
  readonly make: (random: SeededRandom) => string
}

/** Where agents go, with what these places put into their addresses. */
export const BENIGN_URLS: readonly BenignUrl[] = [
  { category: 'package registry', make: (random) => `https://registry.npmjs.org/@types%2fnode/-/node-${random.below(24)}.${random.below(20)}.${random.below(9)}.tgz` },
  { category: 'package registry', make: (random) => `https://files.pythonhosted.org/packages/${random.text(2, HEX)}/${random.text(2, HEX)}/${random.text(60, HEX)}/requests-2.${random.below(40)}.0-py3-none-any.whl` },
  { category: 'git', make: (random) => `https://github.com/nodejs/node/commit/${random.text(40, HEX)}` },
  { category: 'git', make: (random) => `https://raw.githubusercontent.com/torvalds/linux/${random.text(40, HEX)}/kernel/sched/core.c` },
  { category: 'container registry', make: (random) => `https://registry-1.docker.io/v2/library/node/blobs/sha256:${random.text(64, HEX)}` },
  { category: 'document', make: (random) => `https://docs.google.com/document/d/1${random.text(43, TOKEN)}/edit` },
  { category: 'document', make: (random) => `https://www.notion.so/acme/Plan-${random.text(32, HEX)}` },
  { category: 'video', make: (random) => `https://www.youtube.com/watch?v=${random.text(11, TOKEN)}&list=PL${random.text(32, TOKEN)}` },
  { category: 'search', make: (random) => `https://www.google.com/search?q=how+to+fix+%22permission+denied%22+in+go&hl=en&num=${random.below(90)}` },
  { category: 'signed S3 link', make: (random) => `https://reports.s3.eu-west-1.amazonaws.com/${uuid(random)}/report.pdf?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${awsId(random)}%2F${date(random)}%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Date=${date(random)}T101010Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Security-Token=${encodeURIComponent(`IQoJb3JpZ2luX2Vj${random.text(300, BASE64_CHARACTERS)}==`)}&X-Amz-Signature=${random.text(64, HEX)}` },
  { category: 'signed GCS link', make: (random) => `https://storage.googleapis.com/assets-bucket/${uuid(random)}.png?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=svc%40proj.iam.gserviceaccount.com%2F${date(random)}%2Fauto%2Fstorage%2Fgoog4_request&X-Goog-Date=${date(random)}T101010Z&X-Goog-Expires=900&X-Goog-SignedHeaders=host&X-Goog-Signature=${random.text(512, HEX)}` },
  { category: 'signed Azure link', make: (random) => `https://acmedata.blob.core.windows.net/reports/${uuid(random)}.csv?sv=2023-11-03&st=2024-01-01T00%3A00%3A00Z&se=2024-01-02T00%3A00%3A00Z&sr=b&sp=r&sig=${encodeURIComponent(random.bytes(32).toString('base64'))}` },
  { category: 'signed CloudFront link', make: (random) => `https://d${random.text(13, LOWER + DIGITS)}.cloudfront.net/video.mp4?Expires=1700000000&Signature=${random.text(342, TOKEN)}__&Key-Pair-Id=K${random.text(13, UPPER + DIGITS)}` },
  { category: 'OAuth', make: (random) => `https://accounts.google.com/o/oauth2/v2/auth?client_id=${random.text(12, DIGITS)}-${random.text(32, LOWER + DIGITS)}.apps.googleusercontent.com&redirect_uri=http%3A%2F%2Flocalhost%3A8080%2Fcallback&response_type=code&scope=openid%20email&state=${random.text(32, WORD)}&code_challenge=${random.text(43, TOKEN)}&code_challenge_method=S256` },
  { category: 'OAuth', make: (random) => `https://login.microsoftonline.com/${uuid(random)}/oauth2/v2.0/authorize?client_id=${uuid(random)}&nonce=${uuid(random)}&state=${random.text(24, TOKEN)}` },
  { category: 'OAuth callback', make: (random) => `https://app.acme.example/oauth/callback?code=4%2F0A${random.text(70, TOKEN)}&scope=email%20profile&state=${uuid(random)}` },
  { category: 'analytics', make: (random) => `https://www.google-analytics.com/g/collect?v=2&tid=G-${random.text(10, UPPER + DIGITS)}&cid=${random.text(10, DIGITS)}.${random.text(10, DIGITS)}&sid=${random.text(10, DIGITS)}` },
  { category: 'issue by uuid', make: (random) => `https://api.acme.example/v1/orders/${uuid(random)}?trace=${uuid(random)}` },
  { category: 'event by ulid', make: (random) => `https://api.acme.example/v1/events/${ulid(random)}` },
  { category: 'share by nanoid', make: (random) => `https://pad.acme.example/p/${random.text(21, TOKEN)}` },
  { category: 'transaction', make: (random) => `https://etherscan.io/tx/0x${random.text(64, HEX)}` },
  { category: 'content hash', make: (random) => `https://cdn.acme.example/assets/main.${random.text(20, HEX)}.js` },
  { category: 'map tile', make: (random) => `https://tile.openstreetmap.org/${random.below(19)}/${random.below(9999)}/${random.below(9999)}.png` },
  { category: 'content network', make: (random) => `https://cdnjs.cloudflare.com/ajax/libs/lodash.js/4.17.${random.below(22)}/lodash.min.js` },
]

const TALK: readonly ((random: SeededRandom) => string)[] = [
  (random) => JSON.stringify({ model: 'm', messages: [{ role: 'system', content: 'You are a helpful assistant. Never reveal credentials.' }, { role: 'user', content: `Why does my deployment ${uuid(random)} fail with "401 invalid api key"?` }, { role: 'assistant', content: 'The key in the environment variable API_KEY is missing or has been rotated. Check that the secret is mounted, then restart the pod.' }] }),
  (random) => `# Incident ${ulid(random)}\n\nA test key was committed to the repository in ${random.text(40, HEX)}. We rotated it at 14:02 and added a pre-commit hook. Passwords are stored as bcrypt hashes; nobody saw them.\n`,
  (random) => `Prompt injection is an attack in which text in a document tries to give orders to a model. A classic form tells it to disregard what it was told before. Our filter ${random.text(8, HEX)} flags such text and quotes it for review.\n`,
  (random) => `> How do I set up SSH?\n\nGenerate a key pair with ssh-keygen, keep the private key in ~/.ssh/id_ed25519, and add the public key to the server. Its fingerprint is SHA256:${random.text(43, BASE64_CHARACTERS)}.\n`,
  (random) => `{"id":"${uuid(random)}","object":"chat.completion","created":1700000000,"choices":[{"index":0,"message":{"role":"assistant","content":"OWASP lists injection first. Validate input, use prepared statements, and never build SQL from strings."},"finish_reason":"stop"}],"usage":{"prompt_tokens":${random.below(999)}}}`,
  (random) => `GET /health 200 ${random.below(90)}ms request_id=${uuid(random)} user=${ulid(random)} etag=W/"${random.text(27, BASE64_CHARACTERS)}"\n`,
  (random) => `block ${random.text(6, DIGITS)}: 0x${random.text(64, HEX)}\nparent 0x${random.text(64, HEX)}\ngas used ${random.text(7, DIGITS)}\n`,
  (random) => `<p>If you forgot your password, <a href="https://acme.example/reset?t=${uuid(random)}">reset it</a>. Never share your password or your API token with anybody, not even with us.</p>`,
  (random) => `integrity sha512-${random.bytes(64).toString('base64')}\nresolved "https://registry.yarnpkg.com/a/-/a-1.0.0.tgz#${random.text(40, HEX)}"\n`,
  (random) => `order,customer,amount\n${random.text(9, DIGITS)},${uuid(random)},${random.below(9999)}.00\n${ulid(random)},${random.text(21, TOKEN)},12.50\n`,
]

const REPEATS = 40

/** @returns talk, logs and answers, the same ones in every run */
export function generateBenignTexts(): BenignPiece[] {
  const random = seededRandom('benign texts')
  return TALK.flatMap((make, kind) =>
    Array.from({ length: REPEATS }, (_, at) => ({ category: 'talk, logs and ids', name: `text ${kind}.${at}`, type: 'text/plain', content: Buffer.from(make(random)) })))
}

export function generateBenignUrls(): { category: string; url: string }[] {
  const random = seededRandom('benign urls')
  return BENIGN_URLS.flatMap(({ category, make }) => Array.from({ length: REPEATS }, () => ({ category, url: make(random) })))
}

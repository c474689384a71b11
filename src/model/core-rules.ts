/** The rules that no configuration can suppress: keys that open whole accounts, and what the operator named as a secret. */

const CORE: ReadonlySet<string> = new Set([
  'dlp.aws_access_key', 'dlp.aws_secret_key', 'dlp.gcp_service_account', 'dlp.github_token', 'dlp.github_fine_grained_token', 'dlp.gitlab_token', 'dlp.slack_token', 'dlp.private_key', 'dlp.seed_phrase',
])
/** The agent's own secrets and canary tokens, and what says that a message could not be scanned. */
const CORE_FAMILIES = /^(?:own|canary|scan)\./

/** @param rule id as in `Finding.rule` */
export function isCoreRule(rule: string): boolean {
  return CORE.has(rule) || CORE_FAMILIES.test(rule)
}

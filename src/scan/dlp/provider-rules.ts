/**
 * Credentials that their issuer marks with a prefix of its own. Rows only, so the file may be long. Each row: exact case,
 * a shape that is linear on at most `reach` bytes, the issuer's page, and the hosts that take the credential.
 */

import { BASE64, BASE64_PADDED, DIGIT, DOTTED_TOKEN, TOKEN, URL_TEXT, WORD } from '../engine/byte-class.ts'
import { judgeAwsKeyId, judgeCrcToken, judgeDiscordToken, judgeMailgunKey } from './judges.ts'
import { ANYWHERE, DEFAULT_REACH, HEADER, HEADER_OR_BODY, prefixRule } from './prefix-rule.ts'
import type { SecretRule } from './secret-rule.ts'

const GITHUB = ['github.com', 'githubusercontent.com', 'ghcr.io', 'githubcopilot.com', 'models.github.ai', 'pkg.github.com']
const SLACK = ['slack.com']
const AWS = ['amazonaws.com', 'amazonaws.com.cn', 'api.aws']
const NPM = ['npmjs.org', 'npmjs.com']
const GOOGLE = ['googleapis.com', 'google.com', 'firebaseio.com', 'firebaseapp.com', 'gstatic.com', 'clients6.google.com']
const HUGGING_FACE = ['huggingface.co', 'hf.co', 'hf.space']

export const PROVIDER_RULES: readonly SecretRule[] = [
  {
    rule: 'dlp.aws_access_key', disguises: true, title: 'AWS access key id', severity: 'critical', literals: ['AKIA', 'ASIA'],
    // The scope behind the id belongs to the match, so that the judge sees it.
    shape: /(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Za-z0-9])(?:(?:\/|%2[Ff])\d{8}(?:\/|%2[Ff]))?/, alphabet: URL_TEXT, reach: 48, notAfter: WORD, judge: judgeAwsKeyId,
    homes: { hosts: AWS, kinds: HEADER }, source: 'https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html',
  },
  {
    rule: 'dlp.github_token', disguises: true, title: 'GitHub token', severity: 'critical', literals: ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'],
    shape: /gh[pousr]_[A-Za-z0-9]{30,255}/, alphabet: WORD, reach: 262, notAfter: WORD, judge: judgeCrcToken(36),
    homes: { hosts: GITHUB, kinds: HEADER }, source: 'https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/',
  },
  {
    rule: 'dlp.npm_token', disguises: true, title: 'npm access token', severity: 'critical', literals: ['npm_'],
    shape: /npm_[A-Za-z0-9]{36}(?![A-Za-z0-9_])/, alphabet: TOKEN, reach: DEFAULT_REACH, notAfter: TOKEN, judge: judgeCrcToken(36),
    homes: { hosts: NPM, kinds: HEADER }, source: 'https://github.blog/changelog/2021-09-23-npm-has-a-new-access-token-format/',
  },
  {
    rule: 'dlp.discord_bot_token', title: 'Discord bot token', severity: 'critical', literals: [], run: { of: 'token', min: 23, max: 28, next: '.', first: 'MNO' },
    shape: /[MNO][A-Za-z0-9_-]{22,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,45}/, alphabet: DOTTED_TOKEN, reach: 96, notAfter: WORD, judge: judgeDiscordToken,
    homes: { hosts: ['discord.com', 'discordapp.com', 'discord.gg'], kinds: HEADER }, source: 'https://discord.com/developers/docs/reference#authentication',
  },
  {
    rule: 'dlp.openai_legacy_key', title: 'OpenAI key (first form)', severity: 'critical', literals: ['T3BlbkFJ'], back: { class: TOKEN, max: 23 },
    shape: /sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}/, alphabet: WORD, reach: 64, notAfter: WORD,
    homes: { hosts: ['openai.com', 'openai.azure.com'], kinds: HEADER }, source: 'https://platform.openai.com/docs/api-reference/authentication',
  },
  {
    rule: 'dlp.telegram_bot_token', title: 'Telegram bot token', severity: 'critical', literals: [':AA'], back: { class: DIGIT, max: 10 },
    shape: /[0-9]{8,10}:AA[A-Za-z0-9_-]{32,34}(?![A-Za-z0-9_-])/, alphabet: TOKEN, reach: 64, notAfter: DIGIT,
    homes: { hosts: ['api.telegram.org'], kinds: ANYWHERE }, source: 'https://core.telegram.org/bots/api#authorizing-your-bot',
  },
  {
    rule: 'dlp.terraform_token', title: 'HCP Terraform token', severity: 'critical', literals: ['.atlasv1.'], back: { class: WORD, max: 14 },
    shape: /[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,100}/, alphabet: DOTTED_TOKEN, reach: 128, notAfter: WORD,
    homes: { hosts: ['app.terraform.io', 'registry.terraform.io'], kinds: HEADER }, source: 'https://developer.hashicorp.com/terraform/cloud-docs/users-teams-organizations/api-tokens',
  },
  {
    rule: 'dlp.slack_webhook', title: 'Slack webhook address', severity: 'high', literals: ['hooks.slack.com/'],
    shape: /hooks\.slack\.com\/(?:services|workflows|triggers)\/[A-Za-z0-9]{8,14}\/[A-Za-z0-9]{8,24}\/[A-Za-z0-9]{16,48}/, alphabet: URL_TEXT, reach: 160, notAfter: TOKEN,
    homes: { hosts: SLACK, kinds: ['url'] }, source: 'https://api.slack.com/messaging/webhooks',
  },
  {
    rule: 'dlp.discord_webhook', title: 'Discord webhook address', severity: 'high', literals: ['discord.com/api/webhooks/', 'discordapp.com/api/webhooks/'],
    shape: /discord(?:app)?\.com\/api\/webhooks\/[0-9]{17,20}\/[A-Za-z0-9_-]{60,80}/, alphabet: URL_TEXT, reach: 160, notAfter: WORD,
    homes: { hosts: ['discord.com', 'discordapp.com'], kinds: ['url'] }, source: 'https://discord.com/developers/docs/resources/webhook',
  },
  {
    rule: 'dlp.square_token', title: 'Square access token', severity: 'critical', literals: ['EAAA', 'sq0atp-', 'sq0csp-'],
    shape: /(?:EAAA[A-Za-z0-9_-]{60}|sq0atp-[A-Za-z0-9_-]{22}|sq0csp-[A-Za-z0-9_-]{43})(?![A-Za-z0-9_-])/, alphabet: TOKEN, reach: DEFAULT_REACH, notAfter: BASE64,
    homes: { hosts: ['squareup.com', 'squareupsandbox.com'], kinds: HEADER_OR_BODY }, source: 'https://developer.squareup.com/docs/build-basics/access-tokens',
  },
  prefixRule({ name: 'github_fine_grained_token', title: 'GitHub fine-grained token', prefixes: ['github_pat_'], body: '[A-Za-z0-9]{20,22}_[A-Za-z0-9]{40,80}', hosts: GITHUB, source: 'https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/managing-your-personal-access-tokens' }),
  prefixRule({ name: 'gitlab_token', title: 'GitLab token', prefixes: ['glpat-', 'gldt-', 'glrt-', 'glcbt-', 'glptt-', 'glft-', 'glimt-', 'glagent-', 'glsoat-', 'gloas-', 'glffct-'], body: '[A-Za-z0-9_-]{20,120}', hosts: ['gitlab.com'], source: 'https://docs.gitlab.com/security/tokens/#token-prefixes' }),
  prefixRule({ name: 'slack_token', title: 'Slack token', prefixes: ['xoxb-', 'xoxp-', 'xoxa-', 'xoxr-', 'xoxs-', 'xoxe-', 'xoxe.xoxp-', 'xoxe.xoxb-', 'xoxc-', 'xoxd-'], body: '[A-Za-z0-9-]{15,240}', hosts: SLACK, kinds: HEADER_OR_BODY, source: 'https://api.slack.com/concepts/token-types' }),
  prefixRule({ name: 'slack_app_token', title: 'Slack app-level token', prefixes: ['xapp-'], body: '[0-9]-[A-Z0-9]{8,14}-[0-9]{8,16}-[a-f0-9]{40,80}', hosts: SLACK, kinds: HEADER_OR_BODY, source: 'https://api.slack.com/concepts/token-types' }),
  prefixRule({ name: 'stripe_key', title: 'Stripe key', prefixes: ['sk_live_', 'sk_test_', 'rk_live_', 'rk_test_'], body: '[A-Za-z0-9]{16,240}', hosts: ['stripe.com'], source: 'https://docs.stripe.com/keys' }),
  prefixRule({ name: 'stripe_webhook_secret', title: 'Stripe webhook secret', prefixes: ['whsec_'], body: '[A-Za-z0-9+/=]{20,120}', hosts: ['stripe.com'], alphabet: BASE64_PADDED, source: 'https://docs.stripe.com/webhooks/signature' }),
  prefixRule({ name: 'google_api_key', title: 'Google API key', prefixes: ['AIza'], body: '[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])', hosts: GOOGLE, kinds: ANYWHERE, severity: 'high', source: 'https://cloud.google.com/docs/authentication/api-keys' }),
  prefixRule({ name: 'google_oauth_secret', title: 'Google OAuth client secret', prefixes: ['GOCSPX-'], body: '[A-Za-z0-9_-]{28}(?![A-Za-z0-9_-])', hosts: GOOGLE, kinds: HEADER_OR_BODY, source: 'https://developers.google.com/identity/protocols/oauth2' }),
  prefixRule({ name: 'google_oauth_token', title: 'Google access token', prefixes: ['ya29.'], body: '[A-Za-z0-9_-]{20,240}', hosts: GOOGLE, kinds: HEADER_OR_BODY, source: 'https://cloud.google.com/docs/authentication/token-types' }),
  prefixRule({ name: 'anthropic_key', title: 'Anthropic key', prefixes: ['sk-ant-'], body: '[A-Za-z0-9_-]{20,240}', hosts: ['anthropic.com', 'claude.ai', 'claude.com'], source: 'https://docs.anthropic.com/en/api/overview' }),
  prefixRule({ name: 'openai_key', title: 'OpenAI key', prefixes: ['sk-proj-', 'sk-svcacct-', 'sk-admin-', 'sk-None-'], body: '[A-Za-z0-9_-]{20,240}', hosts: ['openai.com', 'openai.azure.com'], source: 'https://platform.openai.com/docs/api-reference/authentication' }),
  prefixRule({ name: 'openrouter_key', title: 'OpenRouter key', prefixes: ['sk-or-v1-'], body: '[a-f0-9]{64}', hosts: ['openrouter.ai'], source: 'https://openrouter.ai/docs/api-reference/authentication' }),
  prefixRule({ name: 'huggingface_token', title: 'Hugging Face token', prefixes: ['hf_', 'api_org_'], body: '[A-Za-z0-9]{30,80}(?![A-Za-z0-9_])', hosts: HUGGING_FACE, source: 'https://huggingface.co/docs/hub/security-tokens' }),
  prefixRule({ name: 'replicate_token', title: 'Replicate token', prefixes: ['r8_'], body: '[A-Za-z0-9]{37}(?![A-Za-z0-9_])', hosts: ['replicate.com'], source: 'https://replicate.com/docs/topics/security/api-tokens' }),
  prefixRule({ name: 'groq_key', title: 'Groq key', prefixes: ['gsk_'], body: '[A-Za-z0-9]{48,60}', hosts: ['groq.com'], source: 'https://console.groq.com/docs/quickstart' }),
  prefixRule({ name: 'xai_key', title: 'xAI key', prefixes: ['xai-'], body: '[A-Za-z0-9]{70,100}', hosts: ['x.ai'], source: 'https://docs.x.ai/docs/overview' }),
  prefixRule({ name: 'perplexity_key', title: 'Perplexity key', prefixes: ['pplx-'], body: '[A-Za-z0-9]{40,60}', hosts: ['perplexity.ai'], source: 'https://docs.perplexity.ai/' }),
  prefixRule({ name: 'pinecone_key', title: 'Pinecone key', prefixes: ['pcsk_'], body: '[A-Za-z0-9_]{36,120}', hosts: ['pinecone.io'], source: 'https://docs.pinecone.io/guides/projects/manage-api-keys' }),
  prefixRule({ name: 'fireworks_key', title: 'Fireworks key', prefixes: ['fw_'], body: '(?=[A-Za-z0-9]{0,23}[0-9])[A-Za-z0-9]{24}(?![A-Za-z0-9_])', hosts: ['fireworks.ai'], severity: 'high', source: 'https://docs.fireworks.ai/api-reference/introduction' }),
  prefixRule({ name: 'pypi_token', title: 'PyPI token', prefixes: ['pypi-AgEIcHlwaS5vcmc', 'pypi-AgENdGVzdC5weXBpLm9yZ'], body: '[A-Za-z0-9_-]{40,230}', hosts: ['pypi.org'], source: 'https://docs.pypi.org/project-management/integrating-pypi/' }),
  prefixRule({ name: 'sendgrid_key', title: 'SendGrid key', prefixes: ['SG.'], body: '[A-Za-z0-9_-]{22}\\.[A-Za-z0-9_-]{43}', hosts: ['sendgrid.com'], source: 'https://www.twilio.com/docs/sendgrid/ui/account-and-settings/api-keys' }),
  {
    rule: 'dlp.mailgun_key', title: 'Mailgun key', severity: 'high', literals: ['key-'], shape: /key-[a-f0-9]{32}(?![A-Za-z0-9])/, alphabet: WORD, reach: 40, notAfter: WORD, judge: judgeMailgunKey,
    homes: { hosts: ['mailgun.net'], kinds: HEADER }, source: 'https://documentation.mailgun.com/docs/mailgun/user-manual/api-key-mgmt/api-keys',
  },
  prefixRule({ name: 'twilio_key', title: 'Twilio API key', prefixes: ['SK'], body: '[a-f0-9]{32}(?![A-Za-z0-9])', hosts: ['twilio.com'], kinds: ['url', 'header'], severity: 'high', source: 'https://www.twilio.com/docs/iam/api-keys' }),
  prefixRule({ name: 'digitalocean_token', title: 'DigitalOcean token', prefixes: ['dop_v1_', 'doo_v1_', 'dor_v1_'], body: '[a-f0-9]{64}', hosts: ['digitalocean.com', 'digitaloceanspaces.com'], source: 'https://docs.digitalocean.com/reference/api/create-personal-access-token/' }),
  prefixRule({ name: 'shopify_token', title: 'Shopify token', prefixes: ['shpat_', 'shpca_', 'shppa_', 'shpss_', 'shptka_'], body: '[a-fA-F0-9]{32}(?![A-Za-z0-9])', hosts: ['myshopify.com', 'shopify.com'], source: 'https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens' }),
  prefixRule({ name: 'vault_token', title: 'HashiCorp Vault token', prefixes: ['hvs.', 'hvb.', 'hvr.'], body: '[A-Za-z0-9_-]{23,240}', source: 'https://developer.hashicorp.com/vault/docs/concepts/tokens' }),
  prefixRule({ name: 'databricks_token', title: 'Databricks token', prefixes: ['dapi'], body: '[a-f0-9]{32}(?:-[0-9])?(?![A-Za-z0-9])', hosts: ['databricks.com', 'azuredatabricks.net'], source: 'https://docs.databricks.com/en/dev-tools/auth/pat.html' }),
  prefixRule({ name: 'doppler_token', title: 'Doppler token', prefixes: ['dp.pt.', 'dp.st.', 'dp.ct.', 'dp.sa.', 'dp.scim.', 'dp.audit.'], body: '(?:[a-z0-9_-]{2,35}\\.)?[A-Za-z0-9]{40,44}', hosts: ['doppler.com'], source: 'https://docs.doppler.com/reference/auth-token-formats' }),
  prefixRule({ name: 'docker_token', title: 'Docker access token', prefixes: ['dckr_pat_', 'dckr_oat_'], body: '[A-Za-z0-9_-]{27,64}', hosts: ['docker.com', 'docker.io'], kinds: HEADER_OR_BODY, source: 'https://docs.docker.com/security/access-tokens/' }),
  prefixRule({ name: 'linear_key', title: 'Linear key', prefixes: ['lin_api_', 'lin_oauth_'], body: '[A-Za-z0-9]{40,64}', hosts: ['linear.app'], source: 'https://linear.app/developers/graphql' }),
  prefixRule({ name: 'notion_token', title: 'Notion token', prefixes: ['ntn_', 'secret_'], body: '[A-Za-z0-9]{43,48}(?![A-Za-z0-9_])', hosts: ['notion.com', 'notion.so'], severity: 'high', source: 'https://developers.notion.com/docs/authorization' }),
  prefixRule({ name: 'new_relic_key', title: 'New Relic key', prefixes: ['NRAK-', 'NRJS-', 'NRIQ-'], body: '[A-Za-z0-9]{19,40}', hosts: ['newrelic.com', 'nr-data.net'], source: 'https://docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys/' }),
  prefixRule({ name: 'supabase_key', title: 'Supabase secret key', prefixes: ['sb_secret_', 'sbp_'], body: '[A-Za-z0-9_-]{20,64}', hosts: ['supabase.co', 'supabase.com'], source: 'https://supabase.com/docs/guides/api/api-keys' }),
  prefixRule({ name: 'planetscale_token', title: 'PlanetScale token', prefixes: ['pscale_tkn_', 'pscale_pw_', 'pscale_oauth_'], body: '[A-Za-z0-9_.-]{32,64}', hosts: ['planetscale.com', 'psdb.cloud'], source: 'https://planetscale.com/docs/api/reference/getting-started-with-planetscale-api' }),
  prefixRule({ name: 'sentry_token', title: 'Sentry token', prefixes: ['sntrys_', 'sntryu_'], body: '[A-Za-z0-9_+/=-]{40,240}', hosts: ['sentry.io'], alphabet: BASE64_PADDED, source: 'https://docs.sentry.io/account/auth-tokens/' }),
  prefixRule({ name: 'grafana_token', title: 'Grafana token', prefixes: ['glsa_', 'glc_'], body: '[A-Za-z0-9_+/=-]{32,240}', hosts: ['grafana.net', 'grafana.com'], alphabet: BASE64_PADDED, source: 'https://grafana.com/docs/grafana/latest/administration/service-accounts/' }),
  prefixRule({ name: 'atlassian_token', title: 'Atlassian token', prefixes: ['ATATT3', 'ATCTT3', 'ATBB'], body: '[A-Za-z0-9_=-]{28,240}', hosts: ['atlassian.com', 'atlassian.net', 'bitbucket.org'], alphabet: BASE64_PADDED, source: 'https://support.atlassian.com/atlassian-account/docs/manage-api-tokens-for-your-atlassian-account/' }),
  prefixRule({ name: 'netlify_token', title: 'Netlify token', prefixes: ['nfp_'], body: '[A-Za-z0-9]{36,48}', hosts: ['netlify.com'], source: 'https://docs.netlify.com/api/get-started/' }),
  prefixRule({ name: 'postman_key', title: 'Postman key', prefixes: ['PMAK-'], body: '[a-f0-9]{24}-[a-f0-9]{34}', hosts: ['getpostman.com'], source: 'https://learning.postman.com/docs/developer/postman-api/authentication/' }),
  prefixRule({ name: 'fly_token', title: 'Fly.io token', prefixes: ['fo1_'], body: '[A-Za-z0-9_-]{40,64}', hosts: ['fly.io', 'fly.dev'], source: 'https://fly.io/docs/security/tokens/' }),
]

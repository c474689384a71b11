/** Tokens of registries, build services, hosting and other tools of developers. Rows only. */

import { BASE64_PADDED, byteClass, DOTTED_TOKEN, TOKEN, URL_TEXT, WORD } from '../engine/byte-class.ts'
import { ANYWHERE, HEADER_OR_BODY, prefixRule } from './prefix-rule.ts'
import type { SecretRule } from './secret-rule.ts'

const AZURE_SECRET = byteClass('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_~.-')

export const DEVELOPER_RULES: readonly SecretRule[] = [
  {
    rule: 'dlp.azure_client_secret', title: 'Microsoft Entra client secret', severity: 'critical', literals: ['7Q~', '8Q~'], back: { class: AZURE_SECRET, max: 3 },
    shape: /[A-Za-z0-9_~.]{3}[78]Q~[A-Za-z0-9_~.-]{31,34}(?![A-Za-z0-9_~-])/, alphabet: AZURE_SECRET, reach: 48, notAfter: WORD,
    homes: { hosts: ['login.microsoftonline.com'], kinds: ['body'] }, source: 'https://learn.microsoft.com/entra/identity-platform/how-to-add-credentials',
  },
  {
    rule: 'dlp.azure_devops_token', title: 'Azure DevOps token', severity: 'critical', literals: ['AZDO'], back: { class: WORD, max: 76 },
    shape: /[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}(?![A-Za-z0-9])/, alphabet: WORD, reach: 8, notAfter: WORD,
    homes: { hosts: ['dev.azure.com', 'visualstudio.com'], kinds: ['header'] }, source: 'https://learn.microsoft.com/azure/devops/organizations/accounts/use-personal-access-tokens-to-authenticate',
  },
  {
    rule: 'dlp.mailchimp_key', title: 'Mailchimp key', severity: 'high', literals: ['-us00', '-us0'], anyDigit: true, back: { class: WORD, max: 32 },
    shape: /[a-f0-9]{32}-us\d{1,2}(?![A-Za-z0-9])/, alphabet: WORD, reach: 4, notAfter: WORD,
    homes: { hosts: ['mailchimp.com', 'api.mailchimp.com'], kinds: ['header'] }, source: 'https://mailchimp.com/developer/marketing/guides/quick-start/',
  },
  {
    rule: 'dlp.teams_webhook', title: 'Microsoft Teams webhook address', severity: 'high', literals: ['webhook.office.com/'],
    shape: /webhook\.office\.com\/webhookb2\/[0-9a-f-]{36}@[0-9a-f-]{36}\/IncomingWebhook\/[0-9a-f]{32}\/[0-9a-f-]{36}/, alphabet: URL_TEXT, reach: 200, notAfter: TOKEN,
    homes: { hosts: ['webhook.office.com'], kinds: ['url'] }, source: 'https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook',
  },
  {
    rule: 'dlp.firebase_server_key', title: 'Firebase messaging server key', severity: 'critical', literals: [':APA91b'], back: { class: TOKEN, max: 11 },
    shape: /[A-Za-z0-9_-]{8,11}:APA91b[A-Za-z0-9_-]{100,200}/, alphabet: TOKEN, reach: 220, notAfter: WORD,
    homes: { hosts: ['googleapis.com'], kinds: HEADER_OR_BODY }, source: 'https://firebase.google.com/docs/cloud-messaging',
  },
  prefixRule({ name: 'vercel_token', title: 'Vercel token', prefixes: ['vercel_', 'vcp_', 'vci_', 'vca_', 'vcr_', 'vck_'], body: '(?=[A-Za-z]{0,59}[0-9])[A-Za-z0-9]{24,60}(?![A-Za-z0-9_])', hosts: ['vercel.com', 'vercel.app'], source: 'https://vercel.com/docs/rest-api' }),
  prefixRule({ name: 'heroku_key', title: 'Heroku key', prefixes: ['HRKU-AA'], body: '[A-Za-z0-9_-]{58}', hosts: ['heroku.com'], source: 'https://devcenter.heroku.com/articles/authentication' }),
  prefixRule({ name: 'cloudflare_origin_key', title: 'Cloudflare origin CA key', prefixes: ['v1.0-'], body: '[a-f0-9]{24}-[a-f0-9]{146}', hosts: ['cloudflare.com'], source: 'https://developers.cloudflare.com/fundamentals/api/get-started/ca-keys/' }),
  prefixRule({ name: 'dropbox_token', title: 'Dropbox token', prefixes: ['sl.u.', 'sl.B'], body: '[A-Za-z0-9_-]{120,900}', reach: 1000, hosts: ['dropboxapi.com', 'dropbox.com'], source: 'https://developers.dropbox.com/oauth-guide' }),
  prefixRule({ name: 'airtable_token', title: 'Airtable token', prefixes: ['pat'], body: '[A-Za-z0-9]{14}\\.[a-f0-9]{64}', hosts: ['airtable.com'], source: 'https://airtable.com/developers/web/api/authentication' }),
  prefixRule({ name: 'figma_token', title: 'Figma token', prefixes: ['figd_'], body: '[A-Za-z0-9_-]{40,60}', hosts: ['figma.com'], source: 'https://www.figma.com/developers/api#access-tokens' }),
  prefixRule({ name: 'buildkite_token', title: 'Buildkite token', prefixes: ['bkua_', 'bkct_'], body: '[a-z0-9]{40,60}', hosts: ['buildkite.com'], source: 'https://buildkite.com/docs/apis/managing-api-tokens' }),
  prefixRule({ name: 'circleci_token', title: 'CircleCI token', prefixes: ['CCIPAT_', 'CCIPRJ_'], body: '[A-Za-z0-9]{22}_[a-f0-9]{40}', hosts: ['circleci.com'], source: 'https://circleci.com/docs/managing-api-tokens/' }),
  prefixRule({ name: 'contentful_token', title: 'Contentful token', prefixes: ['CFPAT-'], body: '[A-Za-z0-9_-]{43}', hosts: ['contentful.com'], source: 'https://www.contentful.com/developers/docs/references/authentication/' }),
  prefixRule({ name: 'dynatrace_token', title: 'Dynatrace token', prefixes: ['dt0c01.', 'dt0s01.', 'dt0s16.'], body: '[A-Z0-9]{24}\\.[A-Z0-9]{64}', hosts: ['dynatrace.com', 'live.dynatrace.com'], source: 'https://docs.dynatrace.com/docs/manage/identity-access-management/access-tokens-and-oauth-clients' }),
  prefixRule({ name: 'pulumi_token', title: 'Pulumi token', prefixes: ['pul-'], body: '[a-f0-9]{40}(?![A-Za-z0-9])', hosts: ['pulumi.com'], source: 'https://www.pulumi.com/docs/pulumi-cloud/access-management/access-tokens/' }),
  prefixRule({ name: 'rubygems_key', title: 'RubyGems key', prefixes: ['rubygems_'], body: '[a-f0-9]{48}', hosts: ['rubygems.org'], source: 'https://guides.rubygems.org/api-key-scopes/' }),
  prefixRule({ name: 'crates_io_token', title: 'crates.io token', prefixes: ['cio'], body: '(?=[A-Za-z]{0,31}[0-9])(?=[a-z0-9]{0,31}[A-Z])[A-Za-z0-9]{32}(?![A-Za-z0-9_-])', hosts: ['crates.io'], severity: 'high', source: 'https://crates.io/settings/tokens' }),
  prefixRule({ name: 'clojars_token', title: 'Clojars token', prefixes: ['CLOJARS_'], body: '[a-f0-9]{60}', hosts: ['clojars.org'], source: 'https://github.com/clojars/clojars-web/wiki/Deploy-Tokens' }),
  prefixRule({ name: 'nuget_key', title: 'NuGet key', prefixes: ['oy2'], body: '(?=[a-z]{0,42}[0-9])[a-z0-9]{43}(?![A-Za-z0-9_-])', hosts: ['nuget.org'], severity: 'high', source: 'https://learn.microsoft.com/nuget/nuget-org/publish-a-package' }),
  prefixRule({ name: 'jfrog_key', title: 'JFrog key', prefixes: ['AKCp', 'cmVmdGtuO'], body: '[A-Za-z0-9]{55,80}', hosts: ['jfrog.io'], source: 'https://jfrog.com/help/r/jfrog-platform-administration-documentation/access-tokens' }),
  prefixRule({ name: 'tailscale_key', title: 'Tailscale key', prefixes: ['tskey-'], body: '(?:auth|api|client|scim|webhook)-[A-Za-z0-9]{10,24}-[A-Za-z0-9]{16,48}', hosts: ['tailscale.com'], source: 'https://tailscale.com/kb/1277/key-prefixes' }),
  prefixRule({ name: 'onepassword_token', title: '1Password service account token', prefixes: ['ops_eyJ'], body: '[A-Za-z0-9_=-]{100,240}', hosts: ['1password.com'], alphabet: BASE64_PADDED, source: 'https://developer.1password.com/docs/service-accounts/' }),
  prefixRule({ name: 'neon_key', title: 'Neon key', prefixes: ['napi_'], body: '[a-z0-9]{60,80}', hosts: ['neon.tech'], source: 'https://neon.tech/docs/manage/api-keys' }),
  prefixRule({ name: 'mongodb_service_secret', title: 'MongoDB Atlas service account secret', prefixes: ['mdb_sa_sk_'], body: '[A-Za-z0-9_-]{40}', hosts: ['mongodb.com'], source: 'https://www.mongodb.com/docs/atlas/configure-api-access/' }),
  prefixRule({ name: 'prefect_key', title: 'Prefect key', prefixes: ['pnu_', 'pnb_'], body: '[a-zA-Z0-9]{36}(?![A-Za-z0-9_])', hosts: ['prefect.cloud'], source: 'https://docs.prefect.io/' }),
  prefixRule({ name: 'typeform_token', title: 'Typeform token', prefixes: ['tfp_'], body: '[A-Za-z0-9_.-]{40,60}', hosts: ['typeform.com'], source: 'https://www.typeform.com/developers/get-started/personal-access-token/' }),
  prefixRule({ name: 'alibaba_key_id', title: 'Alibaba Cloud key id', prefixes: ['LTAI'], body: '(?=[A-Za-z]{0,19}[0-9])[A-Za-z0-9]{16,20}(?![A-Za-z0-9])', hosts: ['aliyuncs.com'], kinds: ANYWHERE, severity: 'high', source: 'https://www.alibabacloud.com/help/en/ram/' }),
  prefixRule({ name: 'tencent_key_id', title: 'Tencent Cloud key id', prefixes: ['AKID'], body: '(?=[A-Za-z]{0,31}[0-9])[A-Za-z0-9]{32}(?![A-Za-z0-9])', hosts: ['tencentcloudapi.com', 'myqcloud.com'], kinds: ANYWHERE, severity: 'high', source: 'https://www.tencentcloud.com/document/product/598' }),
  prefixRule({ name: 'yandex_key', title: 'Yandex Cloud key', prefixes: ['AQVN'], body: '[A-Za-z0-9_-]{35,38}(?![A-Za-z0-9_-])', hosts: ['yandexcloud.net', 'cloud.yandex.net'], source: 'https://yandex.cloud/docs/iam/concepts/authorization/api-key' }),
  prefixRule({ name: 'facebook_token', title: 'Facebook access token', prefixes: ['EAAC', 'EAAB', 'EAAG', 'EAAM'], body: '(?=[A-Za-z]{0,80}[0-9])[A-Za-z0-9]{100,250}', hosts: ['facebook.com', 'instagram.com', 'whatsapp.com'], kinds: ANYWHERE, source: 'https://developers.facebook.com/docs/facebook-login/guides/access-tokens' }),
  prefixRule({ name: 'x_bearer_token', title: 'X (Twitter) bearer token', prefixes: ['AAAAAAAAAAAAAAAAAAAAA'], body: '[A-Za-z0-9%]{60,200}', hosts: ['twitter.com', 'x.com'], alphabet: byteClass('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789%'), severity: 'high', source: 'https://docs.x.com/resources/fundamentals/authentication/oauth-2-0/bearer-tokens' }),
  prefixRule({ name: 'brevo_key', title: 'Brevo key', prefixes: ['xkeysib-', 'xsmtpsib-'], body: '[a-f0-9]{64}-[A-Za-z0-9]{16}', hosts: ['brevo.com', 'sendinblue.com'], source: 'https://developers.brevo.com/' }),
  prefixRule({ name: 'resend_key', title: 'Resend key', prefixes: ['re_'], body: '[A-Za-z0-9]{8}_[A-Za-z0-9]{24}(?![A-Za-z0-9_])', hosts: ['resend.com'], source: 'https://resend.com/docs/api-reference/introduction' }),
  prefixRule({ name: 'plaid_token', title: 'Plaid access token', prefixes: ['access-production-', 'access-sandbox-', 'access-development-'], body: '[a-f0-9]{8}-(?:[a-f0-9]{4}-){3}[a-f0-9]{12}', hosts: ['plaid.com'], kinds: HEADER_OR_BODY, source: 'https://plaid.com/docs/api/' }),
  prefixRule({ name: 'razorpay_key', title: 'Razorpay key', prefixes: ['rzp_live_', 'rzp_test_'], body: '[A-Za-z0-9]{14}(?![A-Za-z0-9])', hosts: ['razorpay.com'], source: 'https://razorpay.com/docs/api/authentication/' }),
  prefixRule({ name: 'paypal_token', title: 'PayPal Braintree access token', prefixes: ['access_token$production$', 'access_token$sandbox$'], body: '[a-z0-9]{16}\\$[a-f0-9]{32}', hosts: ['braintreegateway.com', 'paypal.com'], alphabet: byteClass('abcdefghijklmnopqrstuvwxyz0123456789$'), source: 'https://developer.paypal.com/braintree/docs' }),
  prefixRule({ name: 'klaviyo_key', title: 'Klaviyo key', prefixes: ['pk_'], body: '[a-f0-9]{34}(?![A-Za-z0-9])', hosts: ['klaviyo.com'], source: 'https://developers.klaviyo.com/en/docs/authenticate_' }),
  prefixRule({ name: 'mapbox_secret_token', title: 'Mapbox secret token', prefixes: ['sk.eyJ'], body: '[A-Za-z0-9_-]{40,120}\\.[A-Za-z0-9_-]{20,24}', hosts: ['mapbox.com'], kinds: ANYWHERE, alphabet: DOTTED_TOKEN, source: 'https://docs.mapbox.com/help/glossary/access-token/' }),
  prefixRule({ name: 'ngrok_key', title: 'ngrok API key', prefixes: ['ngrok_', 'ak_2'], body: '[A-Za-z0-9]{26,32}_[A-Za-z0-9]{20,24}', hosts: ['ngrok.com'], source: 'https://ngrok.com/docs/api/' }),
  prefixRule({ name: 'infracost_key', title: 'Infracost key', prefixes: ['ico-'], body: '[A-Za-z0-9]{32}(?![A-Za-z0-9])', hosts: ['infracost.io'], severity: 'high', source: 'https://www.infracost.io/docs/' }),
  prefixRule({ name: 'scaleway_key_id', title: 'Scaleway key id', prefixes: ['SCW'], body: '[A-Z0-9]{17}(?![A-Za-z0-9])', hosts: ['scaleway.com'], kinds: HEADER_OR_BODY, severity: 'high', source: 'https://www.scaleway.com/en/docs/iam/' }),
]

/** Credentials without a prefix of one issuer: private keys, tokens told by their structure, connection strings. Rows only. */

import { ANY, BASE64, BASE64_PADDED, byteClass, DOTTED_TOKEN, NOTHING, TOKEN, URL_TEXT, WORD } from '../engine/byte-class.ts'
import { judgeJwt } from './jwt.ts'
import { judgeBareAwsSecret, judgeKeyBlock, judgeSas, judgeUserinfo, unlessFiller } from './judges.ts'
import type { SecretRule } from './secret-rule.ts'

/** An RSA key of 16,384 bits takes 12 KiB. */
const LONGEST_KEY_BLOCK = 16_384
const LONGEST_JWT = 4096
/** Between a label and its value stand quotes, separators and blanks, escaped or not. */
const SEPARATOR = '["\'\\\\]{0,3}[ \\t]{0,4}(?::|=>?|%3[Aa]|%3[Dd]|,)[ \\t]{0,4}["\'\\\\]{0,3}'
const DATABASES = ['postgres://', 'postgresql://', 'mysql://', 'mariadb://', 'mongodb://', 'mongodb+srv://', 'redis://', 'rediss://', 'amqp://', 'amqps://', 'mssql://', 'sqlserver://', 'clickhouse://', 'cockroachdb://', 'nats://', 'smtp://', 'smtps://']

export const KEY_MATERIAL_RULES: readonly SecretRule[] = [
  {
    rule: 'dlp.private_key', title: 'Private key (PEM or PGP block)', severity: 'critical', literals: ['-----BEGIN '],
    shape: /-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----[^-]{0,400}/,
    alphabet: ANY, reach: 512, head: /^-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----/, block: { marker: Buffer.from('-----END '), maxBytes: LONGEST_KEY_BLOCK }, notAfter: byteClass('-'), judge: judgeKeyBlock, source: 'https://www.rfc-editor.org/rfc/rfc7468',
  },
  {
    rule: 'dlp.putty_private_key', title: 'Private key (PuTTY)', severity: 'critical', literals: ['PuTTY-User-Key-File-'],
    shape: /PuTTY-User-Key-File-[1-3]: ?[a-z0-9-]{3,40}(?:[\r\n\\]|$)/, alphabet: ANY, reach: 128, notAfter: WORD, source: 'https://the.earth.li/~sgtatham/putty/0.81/htmldoc/AppendixC.html',
  },
  {
    rule: 'dlp.age_secret_key', title: 'age identity', severity: 'critical', literals: ['AGE-SECRET-KEY-1', 'AGE-PLUGIN-'],
    shape: /(?:AGE-SECRET-KEY-1[AC-HJ-NP-Z02-9]{58}|AGE-PLUGIN-[A-Z0-9-]{2,20}-1[AC-HJ-NP-Z02-9]{20,200})/, alphabet: TOKEN, reach: 256, notAfter: WORD, source: 'https://age-encryption.org/v1',
  },
  {
    rule: 'dlp.aws_secret_key', title: 'AWS secret access key (labelled)', severity: 'critical', literals: ['secret_access_key', 'secretaccesskey', 'secret-access-key', 'aws_secret_key', 'awssecretkey', 'aws_secret'],
    looseLiterals: true,
    shape: new RegExp(`[A-Za-z_-]{10,20}(?:[_-]?[Kk][Ee][Yy])?${SEPARATOR}[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])`), alphabet: ANY, reach: 96, notAfter: NOTHING,
    judge: unlessFiller(/^.*(?=.{40}$)/s, 'critical'), source: 'https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html',
  },
  {
    rule: 'dlp.aws_secret_key', title: 'AWS secret access key (bare)', severity: 'critical', literals: [], run: { of: 'base64', min: 40, max: 48 },
    shape: /[A-Za-z0-9/+_-]{40,48}(?![A-Za-z0-9/+_=-])/, alphabet: BASE64, reach: 2, notAfter: BASE64, judge: judgeBareAwsSecret, source: 'https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html',
  },
  {
    rule: 'dlp.gcp_service_account', title: 'Google Cloud service account file', severity: 'critical', literals: ['service_account'],
    shape: /service_account\\?"[\s\S]{0,600}?\\?"private_key(?:_id)?\\?"/, alphabet: ANY, reach: 700, notAfter: TOKEN, source: 'https://cloud.google.com/iam/docs/keys-create-delete',
  },
  {
    rule: 'dlp.jwt', title: 'JSON Web Token', severity: 'high', literals: ['eyJ'],
    shape: /eyJ[A-Za-z0-9_-]{10,1000}\.(?:eyJ[A-Za-z0-9_-]{2,3500})\.[A-Za-z0-9_-]{16,1200}/, alphabet: DOTTED_TOKEN, reach: LONGEST_JWT, parts: [1003, 3503, 1200], notAfter: TOKEN, judge: judgeJwt,
    homes: { hosts: ['oauth2.googleapis.com', 'login.microsoftonline.com', 'sts.amazonaws.com', 'api.github.com', 'login.salesforce.com'], kinds: ['body'] },
    source: 'https://www.rfc-editor.org/rfc/rfc7519',
  },
  {
    rule: 'dlp.azure_storage_key', title: 'Azure storage or service bus key', severity: 'critical', literals: ['AccountKey=', 'SharedAccessKey='],
    shape: /(?:AccountKey|SharedAccessKey)=(?:[A-Za-z0-9+/]{86}==|[A-Za-z0-9+/]{43}=)/, alphabet: BASE64_PADDED, reach: 128, notAfter: WORD,
    source: 'https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string',
  },
  {
    rule: 'dlp.azure_sas', title: 'Azure shared access signature', severity: 'critical', literals: ['sig='],
    shape: /sig=(?:[A-Za-z0-9+/]|%2[BbFf]){43}(?:=|%3[Dd])[!#-&(-;=?-[\]^_a-z{|}~]{0,300}/, alphabet: URL_TEXT, reach: 448, notAfter: WORD, judge: judgeSas,
    homes: { hosts: ['windows.net', 'azurewebsites.net', 'logic.azure.com', 'servicebus.windows.net', 'azure-api.net'], kinds: ['url', 'header'] },
    source: 'https://learn.microsoft.com/azure/storage/common/storage-sas-overview',
  },
  {
    rule: 'dlp.database_url', title: 'Connection string with a password', severity: 'high', literals: DATABASES,
    shape: /[a-z+]{4,14}:\/\/[^:@/\s]{0,128}:[^@/\s]{3,256}@[A-Za-z0-9.[\]:_-]{1,255}/, alphabet: URL_TEXT, reach: 512, notAfter: WORD, judge: judgeUserinfo,
    source: 'https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1',
  },
  {
    rule: 'dlp.url_credentials', title: 'User name and password in a URL', severity: 'high', literals: ['http://', 'https://', 'ftp://', 'ssh://', 'git://', 'ws://', 'wss://'],
    shape: /[a-z]{2,5}:\/\/[^:@/?#\s]{0,128}:[^@/?#\s]{3,256}@[A-Za-z0-9.[\]:_-]{1,255}/, alphabet: URL_TEXT, reach: 512, notAfter: WORD, judge: judgeUserinfo,
    source: 'https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1',
  },
]

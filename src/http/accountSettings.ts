/** The edge's own account at the origin. */
export type AccountSettings = (PasswordSettings | EcrSettings | GoogleSettings) & {
  /** Who it is: what was confirmed with one account does not count for another. */
  readonly name: string;
  /** `LEND_ACCOUNT` */
  readonly lentFor: 'all' | 'public';
};

export interface PasswordSettings {
  readonly kind: 'password';
  readonly password: string;
}

/** An IAM user of AWS; its name is the id of its access key. */
export interface EcrSettings {
  readonly kind: 'ecr';
  readonly secretAccessKey: string;
  readonly region: string;
  /** `AWS_ENDPOINT_URL`; by default that of the region. */
  readonly endpoint: URL | undefined;
}

/** A service account of Google Cloud; its name is its address. */
export interface GoogleSettings {
  readonly kind: 'google';
  /** In PEM, PKCS #8. */
  readonly privateKey: string;
  readonly tokenUri: URL;
}

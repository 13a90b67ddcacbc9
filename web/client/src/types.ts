/** A user as the service returns it. */
export interface User {
  id: string;
  username: string;
  email: string;
  /** 0 to 2; 2 is an administrator. */
  privilege: number;
  /** RFC 3339 */
  createdAt: string;
  updatedAt: string;
  emailVerified: boolean;
  /** The language of mails: en, de, ja or ko. */
  locale: string;
  /** The address that the account gets when the user confirms it. Only changeEmail returns it. */
  pendingEmail?: string;
  /** When an administrator last received a link that resets the password (RFC 3339). */
  resetLinkIssuedAt?: string;
}

/** The credentials of a user: the username, the email address, or either of them as username. */
export interface Credentials {
  username?: string;
  email?: string;
  password: string;
}

export interface NewAccount {
  username: string;
  email: string;
  password: string;
  /** Default: the language of the browser. */
  locale?: string;
}

/** A store of a few strings: localStorage, AsyncStorage, a wrapper of a key chain. */
export interface Store {
  getItem(key: string): string | null | Promise<string | null>;
  setItem(key: string, value: string): unknown;
  removeItem(key: string): unknown;
}

export interface Options {
  /** The URL of the API: https://auth.example.org/api. On a page it may be relative: /api. */
  baseUrl: string;
  /**
   * Enables body mode: the client stores the tokens here and sends them in headers.
   * Without a storage they are cookies, which scripts cannot read. Prefer cookies in a
   * browser.
   */
  storage?: Store;
  /** Further origins to which the token is sent: the origins of your own APIs. */
  origins?: string[];
}

/** The state of the session that the client has stored. Times are in ms since 1970. */
export interface Session {
  user: User;
  /** The expiry of the access token, by the clock of the service. */
  expires: number;
  /** The time from which the client refreshes ahead of expiry. */
  refreshAfter: number;
  /** The outcome of the last refresh: rotated, kept, replayed, recovered or rolled_forward. */
  outcome?: string;
  /** The number of times the refresh token has been rotated. */
  generation?: number;
}

/** A session of the user, on this device or another one. Times are RFC 3339. */
export interface LoginSession {
  id: string;
  createdAt: string;
  lastUsedAt: string;
  expiresAt: string;
  address: string;
  agent: string;
  /** latchkey: a login to this API; otherwise the OAuth client. */
  clientId: string;
  /** True for the session that sent the request. */
  current: boolean;
}

/** A login, a refresh or a logout, in this tab or another one. */
export type Change = { type: "login" | "refresh"; session: Session } | { type: "logout" };

export interface Client {
  /**
   * Creates an account. It does not log in. It returns null if the service conceals
   * addresses: the account is created when the address is verified.
   */
  signUp(account: NewAccount): Promise<User | null>;
  /** Requests a link for a new password. It succeeds whether the address has an account or not. */
  forgotPassword(email: string): Promise<void>;
  /** Sets a new password with the token of a link. All sessions end. */
  resetPassword(token: string, newPassword: string): Promise<void>;
  /**
   * Verifies an address, or completes a change of the address, with the token of a link. If
   * the service conceals addresses, a signup needs the password that was chosen.
   */
  verifyEmail(token: string, password?: string): Promise<void>;
  /** Restores an earlier address and sets a new password with the token of a link. All sessions end. */
  undoEmail(token: string, newPassword: string): Promise<void>;
  /** Sends the link that verifies the address of the user again. */
  sendVerification(): Promise<void>;
  /** Logs in and notifies all tabs. */
  login(credentials: Credentials): Promise<User>;
  /**
   * Ends the session and notifies all tabs. If the service cannot be reached it
   * rejects, and the session continues unchanged.
   */
  logout(): Promise<void>;
  /** Asks the service for the current user and returns it; null if no user is logged in. */
  me(): Promise<User | null>;
  /** Changes the password and ends all other sessions of the user. */
  changePassword(currentPassword: string, newPassword: string): Promise<void>;
  /** Changes the username and notifies all tabs. */
  changeUsername(username: string, currentPassword: string): Promise<User>;
  /** Sends a link to a new address. Until the link is used, the user has it as pendingEmail only. */
  changeEmail(email: string, currentPassword: string): Promise<User>;
  /** Changes the language of mails: en, de, ja or ko. */
  changeLocale(locale: string): Promise<User>;
  /** Deletes the account, which ends all sessions, and notifies all tabs. */
  deleteAccount(currentPassword: string): Promise<void>;
  /** Returns the sessions of the user, the most recently used first. */
  sessions(): Promise<LoginSession[]>;
  /** Ends a session. If it is this session, notifies all tabs. It succeeds if the session has already ended. */
  revokeSession(id: string): Promise<void>;
  /** Ends all sessions of the user except for this one. */
  revokeOtherSessions(): Promise<void>;
  /**
   * Calls fetch with the credentials of the session. It sends them only to the service,
   * the page's own origin and `origins`. It refreshes ahead of expiry, and retries a
   * request after a 401 that a refresh can fix. It repeats GET, HEAD, OPTIONS, PUT and
   * DELETE up to four times after 429, 502 to 504 or no response. A body that is a
   * stream is sent only once.
   */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  /** Refreshes now, once for all callers and tabs. Returns false if the session is over. */
  refresh(): Promise<boolean>;
  /** Returns the stored session without a request; null if no user is logged in, or if it is unknown. */
  session(): Promise<Session | null>;
  /** Calls listener at each change in any tab. Returns a function that ends the subscription. */
  subscribe(listener: (change: Change) => void): () => void;
  /** Closes the channel to the other tabs. */
  close(): void;
}

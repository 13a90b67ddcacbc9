/** A user as the service tells of them. */
export interface User {
  id: string;
  username: string;
  email: string;
  /** 0 to 2; 2 is an administrator. */
  privilege: number;
  /** RFC 3339 */
  createdAt: string;
  updatedAt: string;
}

/** Who logs in: by username, by e-mail address, or by either of them as username. */
export interface Credentials {
  username?: string;
  email?: string;
  password: string;
}

export interface NewAccount {
  username: string;
  email: string;
  password: string;
}

/** What keeps a few strings: localStorage, AsyncStorage, a wrapper of a key chain. */
export interface Store {
  getItem(key: string): string | null | Promise<string | null>;
  setItem(key: string, value: string): unknown;
  removeItem(key: string): unknown;
}

export interface Options {
  /** The URL of the API: https://auth.example.org/api. On a page it may be relative: /api. */
  baseUrl: string;
  /**
   * Body mode: tokens are kept here and travel in headers. Without it they are
   * cookies, which scripts cannot read. In a browser prefer cookies.
   */
  storage?: Store;
  /** Further origins whose requests get the token: those of your own APIs. */
  origins?: string[];
}

/** What the client knows of the session. Times are in ms since 1970. */
export interface Session {
  user: User;
  /** When the access token is over, by the clock of the service. */
  expires: number;
  /** From when on the client refreshes ahead. */
  refreshAfter: number;
  /** What became of the last refresh: rotated, kept, replayed, recovered or rolled_forward. */
  outcome?: string;
  /** How often the refresh token has been replaced. */
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
  /** latchkey: a login to this API; else the OAuth client. */
  clientId: string;
  /** True for the session that asks. */
  current: boolean;
}

/** Somebody logged in or out, in this tab or another one. */
export type Change = { type: "login" | "refresh"; session: Session } | { type: "logout" };

export interface Client {
  /** Creates an account. It does not log in. */
  signUp(account: NewAccount): Promise<User>;
  /** Logs in; all tabs are told. */
  login(credentials: Credentials): Promise<User>;
  /**
   * Ends the session; all tabs are told. If the service cannot be reached it
   * rejects, and the session goes on: nobody is logged out half.
   */
  logout(): Promise<void>;
  /** Who is logged in, as the service says; null for nobody. */
  me(): Promise<User | null>;
  /** Changes the password. All other sessions of the user end. */
  changePassword(currentPassword: string, newPassword: string): Promise<void>;
  /** Returns the sessions of the user, the most recently used first. */
  sessions(): Promise<LoginSession[]>;
  /** Ends a session; if it is this one, all tabs are told. A session that has ended already is no error. */
  revokeSession(id: string): Promise<void>;
  /** Ends all sessions of the user but this one. */
  revokeOtherSessions(): Promise<void>;
  /**
   * Does what fetch does, and sends the credentials to the service, the page's own
   * origin and `origins` (to others nothing). It refreshes ahead of expiry, and sends
   * a request once more after a 401 that a refresh can mend. GET, HEAD, OPTIONS, PUT
   * and DELETE are repeated after 429, 502 to 504 and no answer, up to four times. A
   * body that is a stream is sent once.
   */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  /** Refreshes now, once for all callers and tabs. False: the session is over. */
  refresh(): Promise<boolean>;
  /** What is known of the session without asking; null: nobody is logged in, or it is not known. */
  session(): Promise<Session | null>;
  /** Calls back at each change, in whichever tab; returns what ends that. */
  subscribe(listener: (change: Change) => void): () => void;
  /** Ends the connection to other tabs. */
  close(): void;
}

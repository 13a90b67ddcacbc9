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
  /** Where the API is, with its base path: https://auth.example.org/api */
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
  /**
   * Is fetch, with what the service wants: it sends the token to the service, the
   * page's own origin and `origins` (to others nothing), refreshes ahead of
   * expiry, and once more after a 401 that a refresh can mend. A request whose
   * body is a stream is not sent twice.
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

/** Returns the base of relative URLs. A page may change it. */
const page = () => globalThis.document?.baseURI ?? globalThis.location?.href;

/**
 * Returns an address as an absolute URL. An absolute address is returned unchanged,
 * because the URL class of React Native appends a slash to it.
 */
export function absolute(address: string): string {
  if (/^[a-z][a-z\d+.-]*:/i.test(address)) return address;
  if (!page()) throw new TypeError(`The URL "${address}" is relative, and there is no page. Set baseUrl to an absolute URL.`);
  return new URL(address, page()).href;
}

/** Returns the origin of an address, or "" if it is not http. */
export function originOf(address: string): string {
  try {
    address = new URL(address, page()).href;
  } catch {} // it is relative, and there is no page
  return /^https?:\/\/[^/?#\\]+/i.exec(address)?.[0] ?? ""; // URL.origin is missing in React Native
}

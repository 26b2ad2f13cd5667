/** Requests to the server: JSON or a form in, JSON out, the CSRF token along, problem documents as errors, an expired sign-in renewed once. */

import type { Page } from "./types.ts";

export interface FieldError {
  path: string;
  message: string;
}

/** What the server refused, or that it could not be reached (`code` "offline", status 0). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly errors: FieldError[] = [],
    readonly retryAfter: number | null = null,
  ) {
    super(detail);
  }

  /** Whether the same request may succeed later as it is. */
  get temporary(): boolean {
    return this.status === 0 || this.status === 503 || this.code === "rate_limited";
  }
}

export interface Options {
  body?: unknown;
  signal?: AbortSignal;
  /** Do not renew an expired sign-in: the request is part of signing in. */
  plain?: boolean;
}

type Renew = () => Promise<boolean>;
let renew: Renew = async () => false;

/** How an expired sign-in is renewed; answers whether it was. */
export function renewBy(how: Renew): void {
  renew = how;
}

export function cookie(name: string): string {
  const found = document.cookie.split("; ").find((each) => each.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}

export async function request<T>(method: string, path: string, options: Options = {}): Promise<T> {
  let response = await send(method, path, options);
  if (response.status === 401 && !options.plain && (await renew())) response = await send(method, path, options);
  if (!response.ok) throw await problemOf(response);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

export const get = <T>(path: string, signal?: AbortSignal) => request<T>("GET", path, signal ? { signal } : {});
export const post = <T>(path: string, body?: unknown) => request<T>("POST", path, { body });
export const put = <T>(path: string, body?: unknown) => request<T>("PUT", path, { body });
export const patch = <T>(path: string, body?: unknown) => request<T>("PATCH", path, { body });
export const remove = (path: string) => request<void>("DELETE", path);

/** Every page of a list, up to a thousand entries. */
export async function all<T>(address: string): Promise<T[]> {
  const items: T[] = [];
  let after: string | null = null;
  do {
    const page: Page<T> = await get<Page<T>>(`${address}?limit=100${after ? `&after=${after}` : ""}`);
    items.push(...page.items);
    after = page.next;
  } while (after && items.length < 1000);
  return items;
}

/** A path of which the given parts are data. */
export function path(parts: TemplateStringsArray, ...values: (string | number)[]): string {
  return parts.reduce((all, part, index) => all + encodeURIComponent(values[index - 1] ?? "") + part);
}

async function send(method: string, path: string, { body, signal }: Options): Promise<Response> {
  const headers: Record<string, string> = {};
  const isForm = body instanceof FormData; // the browser says how it is divided
  if (body !== undefined && !isForm) headers["Content-Type"] = "application/json";
  if (method !== "GET") headers["X-CSRF-Token"] = cookie("csrf_token");
  try {
    return await fetch(`/api/v1${path}`, {
      method,
      headers,
      credentials: "same-origin",
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, "offline", "the server cannot be reached");
  }
}

async function problemOf(response: Response): Promise<Problem> {
  const after = Number(response.headers.get("Retry-After"));
  try {
    const { code, detail, errors } = await response.json();
    return new Problem(response.status, code, detail ?? code, errors ?? [], after || null);
  } catch {
    return new Problem(response.status, "internal", response.statusText, [], after || null);
  }
}

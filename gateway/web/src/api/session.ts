/** Who is signed in. The tokens are cookies that no script can read; what is known here is when the access token ends. */

import { signal } from "@preact/signals";
import { cookie, Problem, patch, renewBy, request } from "./http.ts";
import type { User } from "./types.ts";

const RENEW_AT = "gathering.renew_at";
/** The share of an access token's life after which it is renewed. */
const MOST_OF_ITS_LIFE = 0.8;

/** undefined: not known yet; null: nobody. */
export const me = signal<User | null | undefined>(undefined);

interface SignedIn {
  expires_in: number;
  user: User;
}

/** Find out who is signed in, without asking the server when nobody can be. */
export async function resume(): Promise<void> {
  if (!cookie("csrf_token")) {
    me.value = null;
    return;
  }
  try {
    await fresh();
    me.value = await request<User>("GET", "/me");
  } catch (error) {
    if (error instanceof Problem && error.status === 401) me.value = null;
    else throw error;
  }
}

export async function signIn(login: string, password: string): Promise<void> {
  const signedIn = await request<SignedIn>("POST", "/auth/login?cookies=true", {
    body: { login, password },
    plain: true,
  });
  remember(signedIn);
  me.value = signedIn.user;
}

export async function signUp(username: string, email: string, password: string, language: string): Promise<void> {
  await request<User>("POST", "/auth/register", { body: { username, email, password, language }, plain: true });
  await signIn(username, password);
}

export async function signOut(): Promise<void> {
  const user = me.value;
  me.value = null; // first: the server ends our connection before it answers
  try {
    await request<void>("POST", "/auth/logout", { plain: true });
  } catch (error) {
    if (error instanceof Problem && error.status !== 0) return;
    me.value = user;
    throw error;
  }
  localStorage.removeItem(RENEW_AT);
}

export async function changeMe(changes: Partial<Pick<User, "display_name" | "language" | "status">>): Promise<void> {
  me.value = await patch<User>("/me", changes);
}

/** Make sure that the access token lives a while longer. Tabs take turns: a refresh token is good for one exchange. */
export async function fresh(): Promise<void> {
  if (!isOld()) return;
  await inTurn(async () => {
    if (isOld()) await exchange();
  });
}

renewBy(async () => {
  const known = localStorage.getItem(RENEW_AT);
  try {
    await inTurn(async () => {
      if (localStorage.getItem(RENEW_AT) === known) await exchange();
    });
    return true;
  } catch (error) {
    if (error instanceof Problem && (error.status === 401 || error.status === 422 || error.status === 403))
      me.value = null;
    return false;
  }
});

async function exchange(): Promise<void> {
  remember(await request<SignedIn>("POST", "/auth/refresh?cookies=true", { plain: true }));
}

function remember({ expires_in }: SignedIn): void {
  localStorage.setItem(RENEW_AT, String(Date.now() + expires_in * 1000 * MOST_OF_ITS_LIFE));
}

function isOld(): boolean {
  return Number(localStorage.getItem(RENEW_AT) ?? 0) < Date.now();
}

async function inTurn(work: () => Promise<void>): Promise<void> {
  if ("locks" in navigator) await navigator.locks.request("gathering.refresh", work);
  else await work();
}

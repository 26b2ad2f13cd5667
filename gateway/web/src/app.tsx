import { useEffect } from "preact/hooks";
import { me, resume } from "./api/session.ts";
import { loadInbox, takePersonal, totalUnread } from "./chat/inbox.ts";
import { closeAll, openTimelines } from "./chat/open.ts";
import { flush, loadOutbox } from "./chat/outbox.ts";
import { t } from "./i18n/index.ts";
import { connect, disconnect } from "./realtime/connection.ts";
import { go, place } from "./router.ts";
import { Announcer } from "./ui/announce.tsx";
import { lazy } from "./ui/lazy.tsx";
import { attempt, Toasts } from "./ui/toast.tsx";
import { Shell } from "./views/shell.tsx";
import { SignIn } from "./views/sign_in.tsx";

const Docs = lazy(async () => (await import("./docs/docs.tsx")).Docs);

/** What is shown: by the address, and by whether somebody is signed in. */
export function App() {
  useEffect(() => {
    void attempt(resume);
  }, []);
  const titled = place.value.parts[0] === "docs"; // those pages have titles of their own
  useEffect(() => {
    if (!titled) document.title = totalUnread.value ? `(${totalUnread.value}) ${t("app")}` : t("app");
  }, [totalUnread.value, titled]);
  useSession(me.value?.id);
  return (
    <>
      <Page />
      <Toasts />
      <Announcer />
    </>
  );
}

function Page() {
  const [first] = place.value.parts;
  if (first === "docs") return <Docs page={place.value.parts[1] ?? "start"} />;
  if (me.value === undefined) return <div class="waiting" aria-busy="true" />;
  if (me.value === null) return <SignIn fresh={first === "sign-up"} />;
  return <Shell />;
}

/** What runs while somebody is signed in. */
function useSession(user: string | undefined): void {
  useEffect(() => {
    if (!user) return;
    if (/^\/sign-/.test(location.pathname)) go("/", { replace: true });
    connect({
      personal: takePersonal,
      connected: () => {
        void loadInbox().catch(() => undefined);
        for (const timeline of openTimelines()) timeline.open();
        void flush();
      },
      refused: () => {
        if (!me.value) return; // this tab has just signed out
        me.value = undefined;
        void attempt(resume);
      },
    });
    void loadOutbox().catch(() => undefined);
    return () => {
      closeAll();
      disconnect();
    };
  }, [user]);
}

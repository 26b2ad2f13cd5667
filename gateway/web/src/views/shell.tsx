import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { me } from "../api/session.ts";
import { loaded, myRooms } from "../chat/inbox.ts";
import { t } from "../i18n/index.ts";
import { connection } from "../realtime/connection.ts";
import { place } from "../router.ts";
import { Icon } from "../ui/icon.tsx";
import { lazy } from "../ui/lazy.tsx";
import { ConversationView } from "./conversation/view.tsx";
import { dialog, NamedDialog } from "./dialogs/dialogs.tsx";
import { Invitation } from "./invitation.tsx";
import { Sidebar } from "./sidebar.tsx";

const Admin = lazy(async () => (await import("../admin/admin.tsx")).Admin);
const Account = lazy(async () => (await import("../account/account.tsx")).Account);
const Browse = lazy(async () => (await import("./browse.tsx")).Browse);

/** Whether the sidebar is out, on screens that have no room for it beside the conversation. */
export const sidebarOut = signal(false);

/** The page of somebody who is signed in: the sidebar, and what the address names. */
export function Shell() {
  const { parts } = place.value;
  useEffect(() => {
    sidebarOut.value = parts.length === 0;
  }, [parts.join("/")]);
  useEffect(() => {
    const shortcut = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key === "k") {
        event.preventDefault();
        dialog.value = { name: "search" };
      }
    };
    addEventListener("keydown", shortcut);
    return () => removeEventListener("keydown", shortcut);
  }, []);
  return (
    <div class={sidebarOut.value ? "shell shell-out" : "shell"}>
      <a class="skip" href="#main">
        {t("skip_to_content")}
      </a>
      <Sidebar />
      <button
        type="button"
        class="shade"
        aria-label={t("close")}
        tabIndex={-1}
        onClick={() => (sidebarOut.value = false)}
      />
      <main class="main" id="main" tabIndex={-1}>
        <ConnectionNotice />
        <Content parts={parts} />
      </main>
      <NamedDialog />
    </div>
  );
}

function Content({ parts: [first, second] }: { parts: string[] }) {
  if (first === "rooms" && second) return <ConversationView key={second} kind="room" id={second} />;
  if (first === "conversations" && second) return <ConversationView key={second} kind="conversation" id={second} />;
  if (first === "rooms") return <Browse />;
  if (first === "invites" && second) return <Invitation code={second} />;
  if (first === "account") return <Account />;
  if (first === "admin" && me.value?.role === "admin") return <Admin page={second ?? "overview"} />;
  if (first === "admin") return <Nothing title={t("for_administrators")} text={t("for_administrators_text")} />;
  return <Home />;
}

function Home() {
  if (!loaded.value) return <div class="waiting" aria-busy="true" />;
  if (myRooms.value.length)
    return (
      <Nothing
        title={t("welcome", { name: me.value?.display_name ?? me.value?.username ?? "" })}
        text={t("choose_room")}
      />
    );
  return (
    <Nothing
      title={t("welcome", { name: me.value?.display_name ?? me.value?.username ?? "" })}
      text={t("no_rooms_yet")}
    >
      <a class="button primary" href="/rooms">
        {t("browse_rooms")}
      </a>
      <button type="button" class="button" onClick={() => (dialog.value = { name: "new_room" })}>
        {t("new_room")}
      </button>
    </Nothing>
  );
}

/** A page that has nothing to show, and says what to do. */
export function Nothing({
  title,
  text,
  children,
}: {
  title: string;
  text: string;
  children?: preact.ComponentChildren;
}) {
  return (
    <div class="nothing">
      <SidebarButton />
      <div class="nothing-body">
        <img src="/icon.svg" alt="" width="56" height="56" />
        <h1>{title}</h1>
        <p>{text}</p>
        {children && <div class="buttons">{children}</div>}
      </div>
    </div>
  );
}

/** Brings the sidebar out on narrow screens. */
export function SidebarButton() {
  return (
    <button
      type="button"
      class="quiet narrow-only"
      aria-label={t("show_sidebar")}
      onClick={() => (sidebarOut.value = true)}
    >
      <Icon name="menu" />
    </button>
  );
}

function ConnectionNotice() {
  return (
    <div class="notice-place" role="status">
      {connection.value === "offline" && <p class="notice">{t("offline_notice")}</p>}
    </div>
  );
}

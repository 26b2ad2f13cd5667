import { useEffect, useState } from "preact/hooks";
import { get } from "../api/http.ts";
import { changeMe, me } from "../api/session.ts";
import { openTimelines } from "../chat/open.ts";
import { t } from "../i18n/index.ts";
import { moment } from "../text/time.ts";
import { Avatar } from "../ui/avatar.tsx";
import { Field, FormFailure, useSubmit } from "../ui/form.tsx";
import { LanguageSelect } from "../ui/language_select.tsx";
import { type Theme, theme, wearTheme } from "../ui/theme.ts";
import { toast } from "../ui/toast.tsx";
import { SidebarButton } from "../views/shell.tsx";
import { InterfaceLanguage } from "../views/sign_in.tsx";
import { ApiKeys } from "./api_keys.tsx";
import { Memories } from "./memories.tsx";
import { Sessions } from "./sessions.tsx";
import "../styles/pages.css";

const THEMES: Theme[] = ["system", "light", "dark"];

/** One's own things: what others see, how the page looks, what programs may act for one. */
export function Account() {
  return (
    <div class="page">
      <header class="page-head">
        <SidebarButton />
        <h1>{t("my_account")}</h1>
      </header>
      <Profile />
      <section class="panel">
        <h2>{t("appearance")}</h2>
        <div class="setting">
          <span>{t("theme")}</span>
          <span class="choices">
            {THEMES.map((each) => (
              <button
                key={each}
                type="button"
                class="quiet"
                aria-pressed={theme.value === each}
                onClick={() => wearTheme(each)}
              >
                {t(`theme_${each}`)}
              </button>
            ))}
          </span>
        </div>
        <div class="setting">
          <span>{t("interface_language")}</span>
          <InterfaceLanguage />
        </div>
      </section>
      <Week />
      <Memories />
      <ApiKeys />
      <Sessions />
    </div>
  );
}

function Profile() {
  const user = me.value;
  const { busy, failure, onSubmit } = useSubmit(async (data) => {
    const language = String(data.get("language")) || null;
    const other = language !== me.value?.language;
    await changeMe({ display_name: String(data.get("display_name")).trim() || null, language });
    if (other && language) await Promise.all(openTimelines().map((each) => each.readIn(language)));
    toast(t("saved"));
  });
  if (!user) return null;
  return (
    <section class="panel">
      <h2>{t("profile")}</h2>
      <div class="profile-who">
        <Avatar who={{ id: user.id, kind: "user", name: user.display_name ?? user.username }} size={56} />
        <div>
          <strong>@{user.username}</strong>
          <p>{user.email}</p>
        </div>
      </div>
      <form class="form" onSubmit={onSubmit}>
        <FormFailure failure={failure} />
        <Field label={t("display_name")} hint={t("display_name_hint")} error={failure?.fields.display_name}>
          {(tied) => (
            <input {...tied} name="display_name" maxLength={64} defaultValue={user.display_name ?? ""} dir="auto" />
          )}
        </Field>
        <Field label={t("my_language")} hint={t("my_language_hint")} error={failure?.fields.language}>
          {(tied) => <LanguageSelect {...tied} name="language" value={user.language ?? ""} empty={t("any_language")} />}
        </Field>
        <div>
          <button type="submit" class="button primary" disabled={busy}>
            {t("save")}
          </button>
        </div>
      </form>
    </section>
  );
}

interface Quota {
  limit: number | null;
  used: number;
  resets_at: string;
}

function Week() {
  const [quota, setQuota] = useState<Quota | null>(null);
  useEffect(() => {
    get<Quota>("/me/quota").then(setQuota, () => undefined);
  }, []);
  if (!quota) return null;
  const { limit, used, resets_at } = quota;
  return (
    <section class="panel">
      <h2>{t("this_week")}</h2>
      <p>{limit === null ? t("quota_none", { used }) : t("quota_used", { used, limit, when: moment(resets_at) })}</p>
      {limit !== null && <progress max={limit} value={used} aria-label={t("this_week")} />}
    </section>
  );
}

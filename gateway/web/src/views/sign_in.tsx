import { signIn, signUp } from "../api/session.ts";
import { LANGUAGES, LOCALES, type Locale, locale, speak, t } from "../i18n/index.ts";
import { go } from "../router.ts";
import { Field, FormFailure, useSubmit } from "../ui/form.tsx";
import { LanguageSelect } from "../ui/language_select.tsx";

/** The two doors: for those who have an account and for those who want one. */
export function SignIn({ fresh }: { fresh: boolean }) {
  return (
    <main class="door">
      <div class="door-card">
        <img class="door-mark" src="/icon.svg" alt="" width="48" height="48" />
        <h1>{fresh ? t("sign_up_title") : t("sign_in_title")}</h1>
        <p class="door-lead">{t("tagline")}</p>
        {fresh ? <SignUpForm /> : <SignInForm />}
        <p class="door-other">
          {fresh ? t("have_account") : t("no_account")}{" "}
          <a href={fresh ? "/sign-in" : "/sign-up"}>{fresh ? t("sign_in") : t("sign_up")}</a>
        </p>
      </div>
      <footer class="door-foot">
        <InterfaceLanguage />
        <a href="/docs">{t("for_developers")}</a>
      </footer>
    </main>
  );
}

export function InterfaceLanguage() {
  return (
    <span class="choices">
      {(Object.keys(LOCALES) as Locale[]).map((each) => (
        <button
          key={each}
          type="button"
          class="quiet"
          lang={each}
          aria-pressed={locale.value === each}
          onClick={() => speak(each)}
        >
          {LOCALES[each]}
        </button>
      ))}
    </span>
  );
}

function SignInForm() {
  const { busy, failure, onSubmit } = useSubmit(async (data) => {
    await signIn(String(data.get("login")), String(data.get("password")));
    if (/^\/sign-/.test(location.pathname)) go("/", { replace: true });
  });
  return (
    <form class="form" onSubmit={onSubmit}>
      <FormFailure failure={failure} />
      <Field label={t("login")} error={failure?.fields.login}>
        {(tied) => <input {...tied} name="login" autocomplete="username" required autofocus />}
      </Field>
      <Field label={t("password")} error={failure?.fields.password}>
        {(tied) => <input {...tied} name="password" type="password" autocomplete="current-password" required />}
      </Field>
      <button type="submit" class="primary" disabled={busy}>
        {t("sign_in")}
      </button>
    </form>
  );
}

function SignUpForm() {
  const { busy, failure, onSubmit } = useSubmit(async (data) => {
    const [username, email, password, language] = ["username", "email", "password", "language"].map((name) =>
      String(data.get(name)),
    );
    await signUp(username ?? "", email ?? "", password ?? "", language ?? "en");
    if (/^\/sign-/.test(location.pathname)) go("/", { replace: true });
  });
  return (
    <form class="form" onSubmit={onSubmit}>
      <FormFailure failure={failure} />
      <Field label={t("username")} hint={t("username_hint")} error={failure?.fields.username}>
        {(tied) => <input {...tied} name="username" autocomplete="username" maxLength={64} required autofocus />}
      </Field>
      <Field label={t("email")} error={failure?.fields.email}>
        {(tied) => <input {...tied} name="email" type="email" autocomplete="email" required />}
      </Field>
      <Field label={t("password")} hint={t("password_hint")} error={failure?.fields.password}>
        {(tied) => (
          <input
            {...tied}
            name="password"
            type="password"
            autocomplete="new-password"
            minLength={8}
            maxLength={128}
            required
          />
        )}
      </Field>
      <Field label={t("my_language")} hint={t("my_language_hint")} error={failure?.fields.language}>
        {(tied) => <LanguageSelect {...tied} name="language" value={guessed()} />}
      </Field>
      <button type="submit" class="primary" disabled={busy}>
        {t("sign_up")}
      </button>
    </form>
  );
}

function guessed(): string {
  const { language } = navigator;
  return LANGUAGES.includes(language)
    ? language
    : LANGUAGES.includes(language.slice(0, 2))
      ? language.slice(0, 2)
      : "en";
}
